/** Which source wins, shown for every setting; a new one without its line here does not compile. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { readSettingsFile } from './file.ts'
import { fileKey } from './setting.ts'
import type { SettingName } from './settings.ts'
import { allSettings, type Flags, readSettings } from './sources.ts'

const rootKey = Buffer.alloc(32, 7).toString('base64')

/** A text for the flag and one for the environment; what stands in the file, and the text it means. */
type Sample = readonly [flag: string, env: string, toml: string, meant: string]

const witness = 'a.example/witness+abe11aec+BGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh'

const samples: Readonly<Record<SettingName, Sample>> = {
  config: ['a.toml', 'b.toml', '"c.toml"', ''],
  mode: ['production', 'development', '"production"', 'production'],
  dataDir: ['a', 'b', '"c"', 'c'],
  host: ['::1', 'localhost', "'0.0.0.0'", '0.0.0.0'],
  port: ['1', '2', '3', '3'],
  publicUrl: ['http://a', 'http://b', '"http://c"', 'http://c'],
  tlsCert: ['a', 'b', '"c"', 'c'],
  tlsKey: ['a', 'b', '"c"', 'c'],
  tlsClientCa: ['a', 'b', '"c"', 'c'],
  metrics: ['on', 'off', 'true', 'on'],
  metricsPort: ['1', '2', '3', '3'],
  metricsHost: ['::1', 'localhost', "'0.0.0.0'", '0.0.0.0'],
  traceEndpoint: ['http://a', 'http://b:4318', '"http://c"', 'http://c'],
  traceSample: ['0.5', '.25', '"1"', '1'],
  traceParents: ['10.0.0.1', '', '["10.0.0.0/8", "::1"]', '10.0.0.0/8,::1'],
  metricsExposed: ['on', 'off', 'true', 'on'],
  redirectPort: ['1', '2', '1_000', '1000'],
  trustedProxies: ['10.0.0.1', '', '["10.0.0.2", "::1"]', '10.0.0.2,::1'],
  corsOrigins: ['https://a', 'https://b', '[]', ''],
  docs: ['on', 'off', 'true', 'on'],
  egressAllow: ['a.example', 'b.example', '["c.example"]', 'c.example'],
  witnesses: [
    `${witness} https://a/v1/witness`,
    '',
    `["${witness} https://c"]`,
    `${witness} https://c`,
  ],
  embedderUrl: ['http://a/v1', 'http://b/v1', '"http://c/v1"', 'http://c/v1'],
  embedderModel: ['a', 'b', '"c:v1.5"', 'c:v1.5'],
  embedderDimensions: ['1', '2', '3', '3'],
  embedderShorten: ['on', 'off', 'true', 'on'],
  embedderKey: ['env:A', 'file:/b', '"vault://kv/c#d"', 'vault://kv/c#d'],
  embedderTimeout: ['100', '200', '300', '300'],
  embedderCalls: ['1', '2', '3', '3'],
  languageModelUrl: ['http://a/v1', 'http://b/v1', '"http://c/v1"', 'http://c/v1'],
  languageModelName: ['a', 'b', '"c:v1.5"', 'c:v1.5'],
  languageModelKey: ['env:A', 'file:/b', '"aws-sm://c"', 'aws-sm://c'],
  languageModelTimeout: ['100', '200', '300', '300'],
  rootKey: ['', rootKey, `"${rootKey}"`, ''],
  rootKeyFile: ['a', 'b', '"c"', 'c'],
  tombstonesFile: ['a', 'b', '"c"', 'c'],
  databaseUrl: ['postgres://a@b/c', 'postgres://d@e/f', '"postgres://g@h/i"', 'postgres://g@h/i'],
  databasePassword: ['env:A', 'file:/b', '"env:C"', 'env:C'],
  databaseCa: ['a', 'b', '"c"', 'c'],
  databaseConnections: ['3', '4', '5', '5'],
  databaseStatementTimeout: ['100', '200', '300', '300'],
  blockedAddresses: ['192.0.2.1', '192.0.2.2', '["192.0.2.0/24", "::1"]', '192.0.2.0/24,::1'],
  redisUrl: ['redis://a', 'redis://b', '"rediss://c:6380/1"', 'rediss://c:6380/1'],
  redisPassword: ['env:A', 'file:/b', '"file:/c"', 'file:/c'],
  redisCa: ['a', 'b', '"c"', 'c'],
  smtpHost: ['a.example', 'b.example', '"c.example"', 'c.example'],
  smtpPort: ['1', '2', '3', '3'],
  smtpTls: ['off', 'starttls', '"implicit"', 'implicit'],
  smtpCa: ['a', 'b', '"c"', 'c'],
  smtpUser: ['a', 'b', '"c d"', 'c d'],
  smtpPassword: ['env:A', 'file:/b', '"vault://kv/c#d"', 'vault://kv/c#d'],
  smtpFrom: ['a@x.example', 'b@x.example', '"c@x.example"', 'c@x.example'],
  smtpTimeout: ['100', '200', '300', '300'],
  auditFile: ['a', 'b', '"c"', 'c'],
  auditFileSize: ['1', '2', '3', '3'],
  auditFileKept: ['1', '2', '3', '3'],
  auditSyslog: ['syslog+tls://a', 'syslog+tls://b:1', '"syslog+tls://c"', 'syslog+tls://c'],
  auditSyslogCa: ['a', 'b', '"c"', 'c'],
  auditSyslogCert: ['a', 'b', '"c"', 'c'],
  auditSyslogKey: ['env:A', 'file:/b', '"file:/c"', 'file:/c'],
  auditWebhook: ['https://a', 'https://b', '"https://c/d"', 'https://c/d'],
  auditWebhookCa: ['a', 'b', '"c"', 'c'],
  auditWebhookSecret: ['env:A', 'file:/b', '"file:/c"', 'file:/c'],
  auditFormat: ['json', 'ocsf', '"json"', 'json'],
  auditRequired: ['', 'file', '["file"]', 'file'],
  auditQueue: ['100', '200', '300', '300'],
  rateLimits: [
    'read.tenant=1/1',
    'read.tenant=2/2',
    '["read.tenant=3/3", "write.tenant=4/4/4"]',
    'read.tenant=3/3,write.tenant=4/4/4',
  ],
  logLevel: ['debug', 'warn', '"""error"""', 'error'],
  indexMemory: ['16', '17', '0x12', '18'],
  vaultAddress: ['https://a', 'https://b', '"https://c"', 'https://c'],
  vaultCa: ['a', 'b', '"c"', 'c'],
  vaultNamespace: ['a', 'b', '"c/d"', 'c/d'],
  vaultLogin: ['approle', 'token', '"kubernetes"', 'kubernetes'],
  vaultRole: ['a', 'b', '"c"', 'c'],
  vaultCredential: ['env:A', 'file:/b', '"file:/c"', 'file:/c'],
  awsRegion: ['eu-west-1', 'us-east-2', '"us-gov-west-1"', 'us-gov-west-1'],
  awsEndpoint: ['https://a', 'https://b', '"https://c"', 'https://c'],
  awsAccessKeyId: ['env:A', 'file:/b', '"file:/c"', 'file:/c'],
  awsSecretAccessKey: ['env:A', 'file:/b', '"file:/c"', 'file:/c'],
  awsSessionToken: ['env:A', 'file:/b', '"file:/c"', 'file:/c'],
  secretsRefresh: ['10', '20', '30', '30'],
  url: ['', 'http://b', '"http://c"', ''],
  apiKey: ['', 'lk_b', '"lk_c"', ''],
}

describe('a flag goes before the environment, that before the file, that before the default', () => {
  for (const [name, one] of allSettings) {
    const [flag, env, toml, meant] = samples[name]
    const key = fileKey(one)
    test(one.flag ?? one.env, (t) => {
      const path = join(temporaryDirectory(t), 'locket.toml')
      writeFileSync(path, `${key} = ${toml}`)
      const file = key === null ? null : readSettingsFile(path, null)
      const flags: Flags = one.flag === null ? {} : { [one.flag]: flag }
      const variables = { [one.env]: env }
      const read = (sources: Parameters<typeof readSettings>[0]) => {
        const { given, unknown, wrong } = readSettings(sources)
        assert.deepEqual([...unknown, ...wrong], [])
        const found = given.get(name)
        return found && [found.source, found.label, found.text]
      }
      if (one.flag !== null) {
        const expected = ['flag', `--${one.flag}`, flag]
        assert.deepEqual(read({ flags, env: variables, file }), expected)
      }
      const expected = ['environment', one.env, env]
      assert.deepEqual(read({ flags: {}, env: variables, file }), expected)
      if (key !== null) {
        const inFile = ['file', `${path}:${key}`, meant]
        assert.deepEqual(read({ flags: {}, env: {}, file }), inFile)
      }
      const fallback = one.default === null ? undefined : ['default', 'the default', one.default]
      assert.deepEqual(read({ flags: {}, env: {}, file: null }), fallback)
    })
  }
})

describe('an empty text', () => {
  const file = { path: 'f', mistakes: [] }
  const read = (key: string, sources: { flags?: Flags; env?: Record<string, string> }) => {
    const texts = new Map([[key, 'text of the file']])
    return readSettings({ flags: {}, env: {}, ...sources, file: { ...file, texts } })
  }

  test('as a flag or a variable takes away what the file says', () => {
    for (const sources of [{ flags: { 'tls-cert': '' } }, { env: { LOCKET_TLS_CERT: '' } }]) {
      const { given, values, wrong } = read('tls-cert', sources)
      assert.deepEqual([given.has('tlsCert'), values.tlsCert, wrong], [false, undefined, []])
    }
  })

  test('as a flag takes away what a variable says', () => {
    const { values, wrong } = readSettings({
      flags: { 'redirect-port': '', docs: '' },
      env: { LOCKET_REDIRECT_PORT: '80', LOCKET_DOCS: 'on' },
      file: null,
    })
    assert.deepEqual([values.redirectPort, values.docs, wrong], [undefined, undefined, []])
  })

  test('in the file is a mistake: nothing is below it to take away', () => {
    const texts = new Map([['tls-cert', '']])
    const { wrong } = readSettings({ flags: {}, env: {}, file: { ...file, texts } })
    assert.deepEqual(wrong, ['f:tls-cert: expected a file'])
  })

  test('takes away the file of the root key where the root key is given in its place', () => {
    const file = { LOCKET_ROOT_KEY_FILE: '' }
    const both = { ...file, LOCKET_ROOT_KEY: 'file:/run/secrets/root-key' }
    const { given, wrong } = readSettings({ flags: {}, env: both, file: null })
    assert.deepEqual([given.has('rootKeyFile'), given.has('rootKey'), wrong], [false, true, []])
    const alone = readSettings({ flags: {}, env: file, file: null })
    assert.deepEqual(alone.wrong, ['LOCKET_ROOT_KEY_FILE: expected a file'])
  })

  test('takes away no secret, no place of keys and data, and nothing that has a default', () => {
    const kept = allSettings.flatMap(([name, one]) => {
      if (one.kind === 'list') return []
      const sources = one.flag === null ? { env: { [one.env]: '' } } : { flags: { [one.flag]: '' } }
      return read('none', sources).wrong.length === 0 ? [] : [name]
    })
    const [always, withDefault] = [
      ['config', 'rootKey', 'rootKeyFile', 'tombstonesFile', 'databaseUrl', 'apiKey'],
      allSettings.filter(([, one]) => one.default !== null).map(([name]) => name),
    ]
    assert.deepEqual(kept.sort(), [...always, ...withDefault].sort())
  })
})

test('a right value that is not used hides no wrong one that is', () => {
  const { wrong } = readSettings({
    flags: { port: 'x' },
    env: { LOCKET_PORT: '1', LOCKET_HOST: '' },
    file: null,
  })
  assert.deepEqual(wrong, [
    'LOCKET_HOST: expected a host name or an IP address',
    '--port: expected a port from 0 to 65535',
  ])
})

test('what has no flag has no key in the file', () => {
  const secret = allSettings.filter(([, one]) => fileKey(one) === null).map(([name]) => name)
  assert.deepEqual(secret, ['config', 'rootKey', 'url', 'apiKey'])
})
