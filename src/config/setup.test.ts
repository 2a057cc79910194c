import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readServerSettings } from './config.ts'
import { setupOf } from './setup.ts'
import type { Environment, Flags } from './sources.ts'

const alone = 'locket serve --mode development --host 127.0.0.1'

function commandOf(flags: Flags, env: Environment = {}): string {
  return setupOf(readServerSettings(flags, env)).command
}

test('what others give stays where it is, and the port is where it was', () => {
  const env = { LOCKET_MODE: 'production', LOCKET_HOST: '0.0.0.0', LOCKET_PORT: '9000' }
  const setup = setupOf(readServerSettings({}, env))
  assert.deepEqual(setup, { command: alone, url: 'http://127.0.0.1:9000' })
  assert.equal(setupOf(readServerSettings({ port: '0' }, {})).url, null)
})

test('flags are said again, but those that it is about', () => {
  const flags = { mode: 'production', host: '::', 'data-dir': "a b's", 'log-level': 'warn' }
  assert.equal(commandOf(flags), `${alone} --data-dir 'a b'\\''s' --log-level warn`)
})

test('TLS is taken away whole, whoever has given it', () => {
  const env = { LOCKET_TLS_KEY: 'key.pem', LOCKET_TLS_CLIENT_CA: 'ca.pem' }
  assert.equal(
    commandOf({ 'tls-cert': 'cert.pem', 'redirect-port': '80' }, env),
    `${alone} --tls-cert= --tls-key= --tls-client-ca= --redirect-port=`,
  )
})

test('no password is in it', () => {
  const url = 'postgres://locket:s3cret@127.0.0.1/locket'
  assert.doesNotMatch(commandOf({ 'database-url': url }), /s3cret/)
  assert.equal(commandOf({}, { LOCKET_DATABASE_URL: url }), alone)
})
