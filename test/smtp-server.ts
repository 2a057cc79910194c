/** For tests: a real SMTP server in its own process (`test/programs/smtp-server.ts`). */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { MailSettings, MailTls } from '../src/mail/mailer.ts'
import { makeCa } from './certificates.ts'
import type { Locket } from './harness.ts'
import { givenSecret } from './secret.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const program = join(import.meta.dirname, 'programs/smtp-server.ts')

/** What a server is, as long as it lives. */
export interface ServerShape {
  readonly port: number
  readonly tls: MailTls | 'none'
  readonly cert: string
  readonly key: string
  readonly login: { readonly user: string; readonly password: string } | null
}

/** How it behaves from now on; what is left out is as usual. */
export interface Behaviour {
  /** What it refuses, with `status`. */
  readonly refuse: 'sender' | 'recipient' | 'message' | null
  readonly status: number
  /** Hangs up where a mail begins. */
  readonly drop: boolean
  readonly delay_ms: number
}

export interface Received {
  readonly from: string
  readonly to: readonly string[]
  /** As it came, in the encoding of the transfer. */
  readonly raw: string
  readonly secure: boolean
  readonly user: string | null
  readonly calledItself: string
}

export interface SmtpServer {
  readonly settings: MailSettings
  readonly received: readonly Received[]
  /** The texts that were sent to an address, the newest last. */
  lettersTo(address: string): string[]
  behave(behaviour: Partial<Behaviour>): Promise<void>
  down(): Promise<void>
  /** The same again on the same port, or another there. */
  up(shape?: Partial<ServerShape>): Promise<void>
}

export const smtpLogin = { user: 'locket', password: 'a password of the mail server' }

export interface SmtpOptions extends Partial<Pick<ServerShape, 'tls' | 'login'>> {
  /** The names of its certificate. */
  readonly name?: string
}

/** Starts one; it ends with the test. By default it speaks TLS from the beginning, and asks who it is. */
export async function startSmtpServer(
  t: TestContext,
  options: SmtpOptions = {},
): Promise<SmtpServer> {
  const { tls = 'implicit', login = smtpLogin, name = 'localhost' } = options
  const ca = await makeCa('Mail CA')
  const caFile = join(temporaryDirectory(t), 'mail-ca.pem')
  writeFileSync(caFile, ca.cert)
  const pair = await ca.server({ names: [{ type: 'dns', value: name }] })
  const received: Received[] = []
  const heard = new EventEmitter()
  let child: ChildProcess | undefined
  let shape: ServerShape = { port: 0, tls, login, ...pair }

  const up: SmtpServer['up'] = async (other = {}) => {
    shape = { ...shape, ...other }
    child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', program, JSON.stringify(shape)],
      { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: process.env },
    )
    child.on('message', (message: object) => {
      if ('raw' in message) received.push(message as Received)
      else heard.emit('port' in message ? 'up' : 'behaves', message)
    })
    const [told] = await once(heard, 'up')
    shape = { ...shape, port: told.port }
  }
  const down = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  t.after(down)
  await up()
  return {
    settings: {
      host: 'localhost',
      port: shape.port,
      tls: tls === 'none' ? 'off' : tls,
      caFile: tls === 'implicit' || tls === 'starttls' ? caFile : null,
      login: login && { user: login.user, password: givenSecret(login.password) },
      from: 'locket@locket.example',
      timeout_ms: 5_000,
    },
    received,
    lettersTo: (address) => received.filter(({ to }) => to.includes(address)).map(textOf),
    behave: async (behaviour) => {
      const done = once(heard, 'behaves')
      child?.send({ ...behaviour })
      await done
    },
    down,
    up,
  }
}

/** What a reader sees: the body, without the encoding of the transfer. */
export function textOf({ raw }: Received): string {
  const [head = '', ...body] = raw.split('\r\n\r\n')
  const text = body.join('\r\n\r\n')
  if (/^content-transfer-encoding: base64/im.test(head)) {
    return Buffer.from(text, 'base64').toString('utf8')
  }
  if (!/^content-transfer-encoding: quoted-printable/im.test(head)) return text
  const bytes = text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** The token of a letter, which stands on a line of its own. */
export function tokenIn(letter: string | undefined): string {
  const found = /^(lk[ie]_\w+)\s*$/m.exec(letter ?? '')
  assert.ok(found?.[1], `a token in: ${letter}`)
  return found[1]
}

/** Has a Locket send what waits, until one more letter to an address is there; gives back the newest. */
export async function nextLetter(
  { app }: Pick<Locket, 'app'>,
  server: SmtpServer,
  address: string,
): Promise<string> {
  const before = server.lettersTo(address).length
  for (let tries = 0; tries < 100; tries += 1) {
    await app.jobs.runAll()
    const letters = server.lettersTo(address)
    if (letters.length > before) return letters.at(-1) ?? ''
    await wait(20)
  }
  throw new assert.AssertionError({ message: `nothing came for ${address}` })
}
