/** The settings of the mail server: what they become, and which together are mistakes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, readConfig, readServerSettings } from './config.ts'
import { refusals } from './safety.ts'

const right = {
  LOCKET_PUBLIC_URL: 'https://locket.example',
  LOCKET_SMTP_HOST: 'mail.example',
  LOCKET_SMTP_FROM: 'locket@locket.example',
}

function mistakes(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig({}, env)
    return []
  } catch (thrown) {
    assert.ok(thrown instanceof ConfigError)
    return thrown.mistakes
  }
}

test('a mail server has the port of its kind of TLS, which is on [V12.3.1]', () => {
  const made = (env: Readonly<Record<string, string>>) => {
    const { mail } = readConfig({}, { ...right, ...env })
    return [mail?.tls, mail?.port, mail?.host]
  }
  assert.deepEqual(made({}), ['implicit', 465, 'mail.example'])
  assert.deepEqual(made({ LOCKET_SMTP_TLS: 'starttls' }), ['starttls', 587, 'mail.example'])
  const here = { LOCKET_SMTP_TLS: 'off', LOCKET_SMTP_HOST: '127.0.0.1' }
  assert.deepEqual(made(here), ['off', 25, '127.0.0.1'])
  assert.equal(made({ LOCKET_SMTP_PORT: '2525' })[1], 2525)
})

test('its password is a reference, and is shown nowhere [V13.3.1]', async () => {
  const env = {
    ...right,
    LOCKET_SMTP_USER: 'locket',
    LOCKET_SMTP_PASSWORD: 'env:MAIL',
    MAIL: 'canary of a password',
  }
  const settings = readServerSettings({}, env)
  const { mail } = settings.config
  assert.equal(await mail?.login?.password.read(), 'canary of a password')
  assert.ok(!JSON.stringify(settings).includes('canary'))
  assert.deepEqual(mistakes({ ...env, LOCKET_SMTP_PASSWORD: 'canary of a password' }), [
    'LOCKET_SMTP_PASSWORD: expected a reference to a secret: env:NAME, file:/PATH, vault://MOUNT/PATH#KEY or aws-sm://NAME#KEY',
  ])
})

const wrong: readonly (readonly [string, Readonly<Record<string, string>>, readonly string[]])[] = [
  [
    'no address of our own, to which links could lead',
    { LOCKET_SMTP_HOST: right.LOCKET_SMTP_HOST, LOCKET_SMTP_FROM: right.LOCKET_SMTP_FROM },
    ['LOCKET_SMTP_HOST: needs LOCKET_PUBLIC_URL too'],
  ],
  [
    'no sender',
    { LOCKET_SMTP_HOST: right.LOCKET_SMTP_HOST, LOCKET_PUBLIC_URL: right.LOCKET_PUBLIC_URL },
    ['LOCKET_SMTP_HOST: needs LOCKET_SMTP_FROM too'],
  ],
  [
    'plain text to another machine',
    { ...right, LOCKET_SMTP_TLS: 'off' },
    ['LOCKET_SMTP_TLS: off to another machine shows links on the way: use implicit or starttls'],
  ],
  [
    'an authority without TLS',
    { ...right, LOCKET_SMTP_HOST: 'localhost', LOCKET_SMTP_TLS: 'off', LOCKET_SMTP_CA: 'ca.pem' },
    ['LOCKET_SMTP_TLS and LOCKET_SMTP_CA: without TLS an authority is no use'],
  ],
  [
    'a user without a password',
    { ...right, LOCKET_SMTP_USER: 'locket' },
    ['LOCKET_SMTP_USER: needs LOCKET_SMTP_PASSWORD too'],
  ],
  [
    'a password without a user, or a server',
    { LOCKET_SMTP_PASSWORD: 'env:MAIL', LOCKET_SMTP_PORT: '25' },
    [
      'LOCKET_SMTP_PORT: needs LOCKET_SMTP_HOST too',
      'LOCKET_SMTP_PASSWORD: needs LOCKET_SMTP_USER too',
    ],
  ],
  [
    'a sender that is more than an address',
    { ...right, LOCKET_SMTP_FROM: 'a@x.example\r\nBcc: b@x.example' },
    ['LOCKET_SMTP_FROM: expected an e-mail address such as locket@example.com'],
  ],
]

for (const [what, env, expected] of wrong) {
  test(`${what} is a mistake`, () => assert.deepEqual(mistakes(env), expected))
}

test('an authority that is not there keeps the server from starting', async () => {
  const settings = readServerSettings({}, { ...right, LOCKET_SMTP_CA: '/nowhere/ca.pem' })
  assert.deepEqual(await refusals(settings), ['LOCKET_SMTP_CA: there is no such file'])
})
