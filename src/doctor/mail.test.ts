/** What doctor says of the mail server. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertFound, finding } from '../../test/doctor.ts'
import { freePort } from '../../test/free-port.ts'
import { startSmtpServer } from '../../test/smtp-server.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'

test('a mail server is reached, trusted and signed in to, or it is said why not', async (t) => {
  const place = { directory: join(temporaryDirectory(t), 'data') }
  const smtp = await startSmtpServer(t)
  const { host, port, caFile } = smtp.settings
  const env = {
    LOCKET_PUBLIC_URL: 'https://locket.example',
    LOCKET_SMTP_HOST: host,
    LOCKET_SMTP_PORT: String(port),
    LOCKET_SMTP_CA: String(caFile),
    LOCKET_SMTP_FROM: 'locket@locket.example',
    LOCKET_SMTP_USER: 'locket',
    LOCKET_SMTP_PASSWORD: 'env:MAIL',
    MAIL: 'a password of the mail server',
  }
  const look = (other: Readonly<Record<string, string>> = {}) =>
    finding(place, 'mail', { env: { ...env, ...other } })
  const good = await look()
  assertFound(good, 'pass', new RegExp(`^localhost:${port} is reached by TLS .*, signed in$`))
  const refused = await look({ MAIL: 'canary' })
  assertFound(refused, 'warn', /does not take the user and the password\. \(535\)$/)
  assert.ok(!JSON.stringify([good, refused]).includes('canary'))
  const nobody = await look({ LOCKET_SMTP_PORT: String(await freePort()) })
  assertFound(nobody, 'warn', /cannot be reached\. \(ECONNREFUSED\)$/)
  assertFound(await finding(place, 'mail'), 'pass', /^no smtp-host is set/)
  assert.equal(smtp.received.length, 0, 'and nothing is sent for it')
})
