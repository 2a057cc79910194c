/**
 * A real SMTP server (`smtp-server`) as a process of its own, which keeps what it is sent and says so to
 * its parent. Its argument is what it is; a message from the parent is how it behaves from now on.
 */
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerSession } from 'smtp-server'
import type { Behaviour, ServerShape } from '../smtp-server.ts'

const usual: Behaviour = { refuse: null, drop: false, delay_ms: 0, status: 550 }
let behaviour = usual

const shape: ServerShape = JSON.parse(process.argv[2] ?? '{}')
const { port, tls, cert, key, login } = shape
const isEncrypted = tls === 'implicit' || tls === 'starttls'

function refusal(status: number): Error {
  // What a server says may quote the address: none of it is to get anywhere.
  return Object.assign(new Error('canary words of the server'), { responseCode: status })
}

const isAt = (step: Behaviour['refuse']): boolean => behaviour.refuse === step

async function slowly(session: SMTPServerSession): Promise<void> {
  if (behaviour.drop) for (const one of server.connections) if (one.session === session) one.close()
  if (behaviour.delay_ms > 0) await new Promise((done) => setTimeout(done, behaviour.delay_ms))
}

const server = new SMTPServer({
  secure: tls === 'implicit',
  ...(isEncrypted && { cert, key }),
  disabledCommands: [...(isEncrypted ? [] : ['STARTTLS']), ...(login === null ? ['AUTH'] : [])],
  authOptional: login === null,
  allowInsecureAuth: true,
  disableReverseLookup: true,
  logger: false,
  onAuth: (auth, _, callback) => {
    const isRight = auth.username === login?.user && auth.password === login?.password
    if (isRight) callback(null, { user: auth.username })
    else callback(refusal(535))
  },
  onMailFrom: async (_, session, callback) => {
    await slowly(session)
    callback(isAt('sender') ? refusal(behaviour.status) : null)
  },
  onRcptTo: (_, __, callback) => {
    callback(isAt('recipient') ? refusal(behaviour.status) : null)
  },
  onData: async (stream, session, callback) => {
    const raw = await text(stream)
    if (isAt('message')) return callback(refusal(behaviour.status))
    const { envelope, secure, user, hostNameAppearsAs: calledItself } = session
    const to = envelope.rcptTo.map(({ address }) => address)
    const from = envelope.mailFrom ? envelope.mailFrom.address : null
    process.send?.({ from, to, raw, secure, user: user ?? null, calledItself }, () => callback())
  },
})
server.on('error', () => undefined)
process.on('message', (told: Partial<Behaviour>) => {
  behaviour = { ...usual, ...told }
  process.send?.({ behaves: true })
})
process.on('disconnect', () => process.exit())
server.listen(port, '127.0.0.1', () => {
  const address = server.server.address()
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 })
})
