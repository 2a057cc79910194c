/** Handing mails to a real mail server in its own process, and what can go wrong with it. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { freePort } from '../../test/free-port.ts'
import { givenSecret } from '../../test/secret.ts'
import {
  type SmtpOptions,
  type SmtpServer,
  startSmtpServer,
  textOf,
} from '../../test/smtp-server.ts'
import { createLog } from '../core/log.ts'
import { asMailError, MailError } from './mail-error.ts'
import { createMailer, type MailSettings } from './mailer.ts'

const message = {
  id: 'mal_1',
  to: 'alice@corp.example',
  subject: 'A subject',
  text: `Dear Ünï,\n\n${'x'.repeat(120)}\n.\n`,
}

interface Tried {
  readonly smtp: SmtpServer
  readonly send: (settings?: Partial<MailSettings>) => Promise<void>
  readonly probe: (settings?: Partial<MailSettings>) => Promise<void>
  readonly log: () => string
}

async function tried(t: TestContext, options?: SmtpOptions): Promise<Tried> {
  const smtp = await startSmtpServer(t, options)
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => void lines.push(line) })
  const never = new AbortController().signal
  const mailer = (other: Partial<MailSettings> = {}) =>
    createMailer({ ...smtp.settings, ...other }, log)
  return {
    smtp,
    send: (other) => mailer(other).send(message, never),
    probe: (other) => mailer(other).probe(),
    log: () => lines.join(''),
  }
}

const failsFor = (reason: string, detail?: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof MailError, String(thrown))
  assert.equal(thrown.reason, reason, `${thrown.detail}`)
  if (detail !== undefined) assert.equal(thrown.detail, detail)
  assert.equal(thrown.cause, undefined)
  assert.ok(!/canary|alice/.test(`${thrown.message} ${thrown.detail}`))
  return true
}

for (const tls of ['implicit', 'starttls'] as const) {
  test(`a mail goes out by TLS (${tls}), signed in, in plain text [V12.3.1]`, async (t) => {
    const { smtp, send, probe } = await tried(t, { tls })
    await probe()
    assert.equal(smtp.received.length, 0, 'looking sends nothing')
    await send()
    const [mail] = smtp.received
    assert.ok(mail)
    const { from, to, secure, user, calledItself } = mail
    assert.deepEqual(
      { from, to, secure, user, calledItself },
      {
        from: 'locket@locket.example',
        to: ['alice@corp.example'],
        secure: true,
        user: 'locket',
        calledItself: 'locket.example',
      },
    )
    const [head = ''] = mail.raw.split('\r\n\r\n')
    assert.match(head, /^From: Locket <locket@locket\.example>$/m)
    assert.match(head, /^To: alice@corp\.example$/m)
    assert.match(head, /^Subject: A subject$/m)
    assert.match(head, /^Message-ID: <mal_1@locket\.example>$/m)
    assert.match(head, /^Auto-Submitted: auto-generated$/m)
    assert.match(head, /^Content-Type: text\/plain; charset=utf-8$/m)
    assert.doesNotMatch(head, /X-Mailer|nodemailer/i)
    assert.equal(textOf(mail).replaceAll('\r\n', '\n').trim(), message.text.trim())
  })
}

test('to this machine plain text will do, and no signing in', async (t) => {
  const { smtp, send } = await tried(t, { tls: 'none', login: null })
  await send()
  assert.equal(smtp.received[0]?.secure, false)
})

describe('nothing is sent, and no password shown,', () => {
  test('to a server whose certificate is of another name [V12.3.2]', async (t) => {
    const { smtp, send, probe } = await tried(t, { name: 'other.example' })
    await assert.rejects(send(), failsFor('untrusted', 'ERR_TLS_CERT_ALTNAME_INVALID'))
    await assert.rejects(probe(), failsFor('untrusted'))
    assert.deepEqual(smtp.received, [])
  })

  test('to a server of an unknown authority, at the beginning or by STARTTLS [V12.3.2]', async (t) => {
    for (const tls of ['implicit', 'starttls'] as const) {
      const { smtp, send } = await tried(t, { tls })
      await assert.rejects(send({ caFile: null }), failsFor('untrusted'))
      assert.deepEqual(smtp.received, [])
    }
  })

  test('to a server that does not offer STARTTLS', async (t) => {
    const { smtp, send } = await tried(t, { tls: 'none' })
    await assert.rejects(send({ tls: 'starttls', caFile: null }), failsFor('untrusted'))
    assert.deepEqual(smtp.received, [])
  })

  test('to a server that wants no password, where one is given', async (t) => {
    const { smtp, send } = await tried(t, { login: null })
    const login = { user: 'locket', password: givenSecret('a password') }
    await assert.rejects(send({ login }), failsFor('credentials'))
    assert.deepEqual(smtp.received, [])
  })

  test('where metadata of a cloud are, or nobody', async (t) => {
    const { send } = await tried(t)
    await assert.rejects(send({ host: '169.254.169.254' }), failsFor('unreachable', 'link-local'))
    await assert.rejects(send({ port: await freePort() }), failsFor('unreachable', 'ECONNREFUSED'))
    await assert.rejects(send({ host: 'nobody.invalid' }), failsFor('unreachable'))
  })
})

test('a refused password is told apart, and read anew for the next mail', async (t) => {
  const { send } = await tried(t)
  let password = 'an old one'
  let renewed = 0
  const secret = {
    ...givenSecret('unused'),
    read: async () => password,
    renew: async () => {
      renewed += 1
      password = 'a password of the mail server'
      return password
    },
  }
  const login = { user: 'locket', password: secret }
  await assert.rejects(send({ login }), failsFor('credentials', '535'))
  assert.equal(renewed, 1)
  await send({ login })
})

test('what a server refuses for good is told from what it may take later', async (t) => {
  const { smtp, send } = await tried(t)
  for (const [refuse, status, reason] of [
    ['recipient', 550, 'refused'],
    ['recipient', 451, 'failed'],
    ['message', 554, 'refused'],
    ['message', 452, 'failed'],
    // It is the sender's fault, not the recipient's: another try after it was mended may do.
    ['sender', 550, 'failed'],
  ] as const) {
    await smtp.behave({ refuse, status })
    await assert.rejects(send(), failsFor(reason, String(status)))
  }
  assert.deepEqual(smtp.received, [])
})

test('a server that hangs up, and one that is slow, end in time', async (t) => {
  const { smtp, send, log } = await tried(t)
  await smtp.behave({ drop: true })
  await assert.rejects(send(), failsFor('unreachable'))
  await smtp.behave({ delay_ms: 5_000 })
  const started = performance.now()
  await assert.rejects(send({ timeout_ms: 300 }), failsFor('timeout'))
  assert.ok(performance.now() - started < 2_000)
  assert.ok(!/alice|canary|a password/.test(log()))
})

test('a header cannot be ended from within, whatever field it is tried in', async (t) => {
  const { smtp } = await tried(t)
  const mailer = createMailer(smtp.settings, createLog('silent'))
  const injected = 'x\r\nBcc: eve@evil.example'
  for (const field of ['id', 'to', 'subject'] as const) {
    await assert.rejects(
      mailer.send({ ...message, [field]: injected }, new AbortController().signal),
    )
  }
  assert.deepEqual(smtp.received, [])
})

test('an error keeps codes and nothing else', () => {
  const error = Object.assign(new Error('550 no such user alice@corp.example'), {
    code: 'odd code of alice',
    responseCode: 550,
    command: 'RCPT TO',
  })
  assert.ok(failsFor('refused', '550')(asMailError(error)))
  assert.ok(failsFor('failed')(asMailError('a text of alice')))
})
