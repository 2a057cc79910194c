import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { ConfigError, readConfig } from './config.ts'
import type { Environment, Flags } from './sources.ts'

function mistakesOf(flags: Flags, env: Environment): readonly string[] {
  try {
    readConfig(flags, env)
    return []
  } catch (thrown) {
    assert.ok(thrown instanceof ConfigError)
    return thrown.mistakes
  }
}

const tls = { 'tls-cert': 'cert.pem', 'tls-key': 'key.pem' }
const model = { 'embedder-model': 'm', 'embedder-dimensions': '8' }
const url = 'postgres://locket:s3cret@127.0.0.1/locket'
const withoutPassword = 'postgres://locket@db.example/locket'

interface Case {
  readonly flags?: Flags
  readonly env?: Environment
  readonly mistakes: readonly string[]
}

const cases: Readonly<Record<string, Case>> = {
  'a certificate without its key': {
    flags: { 'tls-cert': 'cert.pem' },
    mistakes: ['--tls-cert: needs --tls-key too'],
  },
  'a key without its certificate': {
    env: { LOCKET_TLS_KEY: 'key.pem' },
    mistakes: ['LOCKET_TLS_KEY: needs LOCKET_TLS_CERT too'],
  },
  'both, from two sources': {
    flags: { 'tls-cert': 'a' },
    env: { LOCKET_TLS_KEY: 'b' },
    mistakes: [],
  },
  'client certificates without TLS': {
    flags: { 'tls-client-ca': 'ca.pem' },
    mistakes: ['--tls-client-ca: needs --tls-cert too'],
  },
  'an embedder without a model, whose host may not be called': {
    env: { LOCKET_EMBEDDER_URL: 'https://api.example.com/v1' },
    mistakes: [
      'LOCKET_EMBEDDER_URL: needs LOCKET_EMBEDDER_MODEL too',
      'LOCKET_EMBEDDER_URL: needs LOCKET_EMBEDDER_DIMENSIONS too',
      'LOCKET_EMBEDDER_URL: calls to it would be refused: add api.example.com to LOCKET_EGRESS_ALLOW',
    ],
  },
  'an embedder on a name without TLS': {
    flags: { 'embedder-url': 'http://ollama:11434/v1', ...model },
    mistakes: [
      '--embedder-url: calls to it would be refused: add http://ollama:11434=NETWORK to --egress-allow',
    ],
  },
  'an embedder on an address without TLS': {
    flags: { 'embedder-url': 'http://[fd12::5]/v1', ...model },
    mistakes: [
      '--embedder-url: calls to it would be refused: add http://[fd12::5] to --egress-allow',
    ],
  },
  'a collector of traces that may not be called': {
    env: { LOCKET_TRACE_ENDPOINT: 'http://collector:4318' },
    mistakes: [
      'LOCKET_TRACE_ENDPOINT: calls to it would be refused: add http://collector:4318=NETWORK to LOCKET_EGRESS_ALLOW',
    ],
  },
  'what is said of traces that go nowhere': {
    env: { LOCKET_TRACE_SAMPLE: '0.5' },
    flags: { 'trace-parents': '10.0.0.0/8' },
    mistakes: [
      '--trace-parents: needs --trace-endpoint too',
      'LOCKET_TRACE_SAMPLE: needs LOCKET_TRACE_ENDPOINT too',
    ],
  },
  'a required audit sink that is not set': {
    env: { LOCKET_AUDIT_REQUIRED: 'file,webhook', LOCKET_AUDIT_FILE: 'audit.jsonl' },
    mistakes: ['LOCKET_AUDIT_REQUIRED: needs LOCKET_AUDIT_WEBHOOK too'],
  },
  'a format of audit events that go nowhere': {
    env: { LOCKET_AUDIT_FORMAT: 'ocsf' },
    mistakes: [
      'LOCKET_AUDIT_FORMAT: needs one of LOCKET_AUDIT_FILE, LOCKET_AUDIT_SYSLOG, LOCKET_AUDIT_WEBHOOK too',
    ],
  },
  'a format of audit events that go to a file': {
    env: { LOCKET_AUDIT_FORMAT: 'ocsf', LOCKET_AUDIT_FILE: 'audit.jsonl' },
    mistakes: [],
  },
  'a webhook without its secret, whose host may not be called': {
    flags: { 'audit-webhook': 'https://siem.example.com/hooks' },
    mistakes: [
      '--audit-webhook: needs --audit-webhook-secret too',
      '--audit-webhook: calls to it would be refused: add siem.example.com to --egress-allow',
    ],
  },
  'a webhook that may be called': {
    flags: {
      'audit-webhook': 'https://siem.example.com/hooks',
      'audit-webhook-secret': 'file:/run/secrets/hook',
      'egress-allow': 'siem.example.com',
    },
    mistakes: [],
  },
  'parts of a webhook and of a syslog server alone': {
    env: {
      LOCKET_AUDIT_WEBHOOK_CA: 'ca.pem',
      LOCKET_AUDIT_SYSLOG_CA: 'ca.pem',
      LOCKET_AUDIT_SYSLOG_CERT: 'client.pem',
    },
    mistakes: [
      'LOCKET_AUDIT_SYSLOG_CA: needs LOCKET_AUDIT_SYSLOG too',
      'LOCKET_AUDIT_SYSLOG_CERT: needs LOCKET_AUDIT_SYSLOG too',
      'LOCKET_AUDIT_SYSLOG_CERT: needs LOCKET_AUDIT_SYSLOG_KEY too',
      'LOCKET_AUDIT_WEBHOOK_CA: needs LOCKET_AUDIT_WEBHOOK too',
    ],
  },
  'an embedder that may be called': {
    flags: {
      'embedder-url': 'http://127.0.0.1:11434/v1',
      'egress-allow': 'http://127.0.0.1:11434',
      ...model,
    },
    mistakes: [],
  },
  'a language model without a name, whose host may not be called': {
    env: { LOCKET_LANGUAGE_MODEL_URL: 'https://api.example.com/v1' },
    mistakes: [
      'LOCKET_LANGUAGE_MODEL_URL: needs LOCKET_LANGUAGE_MODEL_NAME too',
      'LOCKET_LANGUAGE_MODEL_URL: calls to it would be refused: add api.example.com to LOCKET_EGRESS_ALLOW',
    ],
  },
  'the name of a language model that is nowhere': {
    flags: { 'language-model-name': 'm', 'language-model-key': 'file:/keys/model' },
    mistakes: [
      '--language-model-name: needs --language-model-url too',
      '--language-model-key: needs --language-model-url too',
    ],
  },
  'a model without an embedder': {
    flags: model,
    mistakes: [
      '--embedder-model: needs --embedder-url too',
      '--embedder-dimensions: needs --embedder-url too',
    ],
  },
  'a secret in a Vault that is nowhere': {
    env: { LOCKET_ROOT_KEY: 'vault://kv/locket#root-key' },
    mistakes: [
      'LOCKET_ROOT_KEY: needs LOCKET_VAULT_ADDRESS too',
      'LOCKET_ROOT_KEY: needs LOCKET_VAULT_CREDENTIAL too',
    ],
  },
  'a secret at AWS without a region': {
    flags: { ...tls, 'tls-key': 'aws-sm://locket/tls#key' },
    mistakes: ['--tls-key: needs --aws-region too'],
  },
  'a Vault in plain text on another machine, which is logged in to as nobody': {
    flags: {
      'vault-address': 'http://vault.example',
      'vault-login': 'approle',
      'vault-credential': 'env:SECRET_ID',
    },
    mistakes: [
      '--vault-login: needs --vault-role too',
      '--vault-address: http to another machine shows secrets on the way: use https',
    ],
  },
  'settings of a Vault and of AWS, and neither of them': {
    env: {
      LOCKET_VAULT_CREDENTIAL: 'env:TOKEN',
      LOCKET_VAULT_NAMESPACE: 'team',
      LOCKET_VAULT_CA: '/ca.pem',
      LOCKET_VAULT_ROLE: 'locket',
      LOCKET_AWS_ENDPOINT: 'http://10.0.0.1',
      LOCKET_AWS_SESSION_TOKEN: 'env:AWS_SESSION_TOKEN',
    },
    mistakes: [
      'LOCKET_VAULT_CREDENTIAL: needs LOCKET_VAULT_ADDRESS too',
      'LOCKET_VAULT_CA: needs LOCKET_VAULT_ADDRESS too',
      'LOCKET_VAULT_NAMESPACE: needs LOCKET_VAULT_ADDRESS too',
      'LOCKET_VAULT_ROLE: needs LOCKET_VAULT_ADDRESS too',
      'LOCKET_AWS_ENDPOINT: needs LOCKET_AWS_REGION too',
      'LOCKET_AWS_SESSION_TOKEN: needs LOCKET_AWS_REGION too',
      'LOCKET_AWS_ENDPOINT: http to another machine shows secrets on the way: use https',
    ],
  },
  'a Vault and AWS on this machine': {
    env: {
      LOCKET_ROOT_KEY: 'vault://kv/locket#root-key',
      LOCKET_VAULT_ADDRESS: 'http://127.0.0.1:8200',
      LOCKET_VAULT_CREDENTIAL: 'file:/run/secrets/vault-token',
      LOCKET_AWS_REGION: 'eu-central-1',
      LOCKET_AWS_ENDPOINT: 'http://localhost:4566',
    },
    mistakes: [],
  },
  'a redirect without TLS': {
    env: { LOCKET_REDIRECT_PORT: '80' },
    mistakes: ['LOCKET_REDIRECT_PORT: needs LOCKET_TLS_CERT too'],
  },
  'a redirect to itself': {
    flags: { ...tls, port: '8443', 'redirect-port': '8443' },
    mistakes: ['--redirect-port: expected another port than the one that HTTPS has'],
  },
  'a redirect from one free port to another': {
    flags: { ...tls, port: '0', 'redirect-port': '0' },
    mistakes: [],
  },
  'a redirect from every address to none': {
    flags: { ...tls, host: '0.0.0.0', 'redirect-port': '80' },
    mistakes: ['--redirect-port: needs an https address to redirect to: set --public-url'],
  },
  'a redirect to plain text': {
    flags: tls,
    env: { LOCKET_REDIRECT_PORT: '80', LOCKET_PUBLIC_URL: 'http://memory.example' },
    mistakes: [
      'LOCKET_REDIRECT_PORT: needs an https address to redirect to: set LOCKET_PUBLIC_URL',
    ],
  },
  'a redirect to what is no host in a URL': {
    flags: { ...tls, host: 'fe80::1%eth0', 'redirect-port': '80' },
    mistakes: ['--redirect-port: needs an https address to redirect to: set --public-url'],
  },
  'a redirect to the public address': {
    flags: { ...tls, host: '::', 'redirect-port': '80', 'public-url': 'https://memory.example' },
    mistakes: [],
  },
  'TLS of the environment, taken away whole': {
    flags: { 'tls-cert': '', 'tls-key': '', 'tls-client-ca': '', 'redirect-port': '' },
    env: {
      LOCKET_TLS_CERT: 'cert.pem',
      LOCKET_TLS_KEY: 'key.pem',
      LOCKET_TLS_CLIENT_CA: 'ca.pem',
      LOCKET_REDIRECT_PORT: '80',
    },
    mistakes: [],
  },
  'TLS of the environment, taken away in part': {
    flags: { 'tls-cert': '' },
    env: { LOCKET_TLS_CERT: 'cert.pem', LOCKET_TLS_KEY: 'key.pem' },
    mistakes: ['LOCKET_TLS_KEY: needs LOCKET_TLS_CERT too'],
  },
  'a password without what it is for': {
    env: { LOCKET_REDIS_PASSWORD: 'env:PASSWORD', LOCKET_REDIS_CA: 'ca.pem' },
    mistakes: [
      'LOCKET_REDIS_PASSWORD: needs LOCKET_REDIS_URL too',
      'LOCKET_REDIS_CA: needs LOCKET_REDIS_URL too',
    ],
  },
  'two passwords of one Redis, and an authority without TLS': {
    env: {
      LOCKET_REDIS_URL: 'redis://:s3cret@127.0.0.1',
      LOCKET_REDIS_PASSWORD: 'env:PASSWORD',
      LOCKET_REDIS_CA: 'ca.pem',
    },
    mistakes: [
      'LOCKET_REDIS_URL and LOCKET_REDIS_PASSWORD: give the password in one of the two, not both',
      'LOCKET_REDIS_URL and LOCKET_REDIS_CA: without TLS an authority is no use',
    ],
  },
  'a password without a database': {
    flags: { 'database-password': 'env:PASSWORD' },
    mistakes: ['--database-password: needs --database-url too'],
  },
  'an authority without a database': {
    env: { LOCKET_DATABASE_CA: 'ca.pem' },
    mistakes: ['LOCKET_DATABASE_CA: needs LOCKET_DATABASE_URL too'],
  },
  'two passwords': {
    flags: { 'database-password': 'env:PASSWORD' },
    env: { LOCKET_DATABASE_URL: url },
    mistakes: [
      'LOCKET_DATABASE_URL and --database-password: give the password in one of the two, not both',
    ],
  },
  'an authority for what is not encrypted': {
    env: {
      LOCKET_DATABASE_URL: `${withoutPassword}?sslmode=disable`,
      LOCKET_DATABASE_CA: 'ca.pem',
    },
    mistakes: ['LOCKET_DATABASE_URL and LOCKET_DATABASE_CA: without TLS an authority is no use'],
  },
  'a password in a file of its own': {
    env: { LOCKET_DATABASE_URL: withoutPassword, LOCKET_DATABASE_PASSWORD: 'file:/password' },
    mistakes: [],
  },
}

describe('settings that do not go together', () => {
  for (const [name, { flags = {}, env = {}, mistakes }] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(mistakesOf(flags, env), mistakes))
  }

  test('are named as the file names them', (t) => {
    const file = join(temporaryDirectory(t), 'locket.toml')
    writeFileSync(file, 'tls-cert = "cert.pem"')
    assert.deepEqual(mistakesOf({ config: file }, {}), [`${file}:tls-cert: needs tls-key too`])
  })
})
