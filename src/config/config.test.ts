import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { mistakesOf } from '../../test/mistakes.ts'
import { noSinks } from '../features/audit-sinks/sinks.ts'
import { rateBudgets } from '../throttles/budgets.ts'
import { type Config, isDebug, readConfig, readRemoteConfig } from './config.ts'
import { didYouMean } from './near.ts'
import { settings } from './settings.ts'
import type { Environment, Flags } from './sources.ts'

const rootKey = Buffer.alloc(32, 7).toString('base64')

/** As it would be printed: of what can be called nothing is left. */
function shown(config: Config): Record<string, unknown> {
  const { secrets, ...data } = JSON.parse(JSON.stringify(config))
  assert.deepEqual(secrets, {})
  return data
}

const everySetting = {
  LOCKET_MODE: 'production',
  LOCKET_DATA_DIR: '/data',
  LOCKET_HOST: '::1',
  LOCKET_PORT: '0',
  LOCKET_PUBLIC_URL: 'https://memory.example/locket/',
  LOCKET_TLS_CERT: '/tls/cert.pem',
  LOCKET_TLS_KEY: '/tls/key.pem',
  LOCKET_TLS_CLIENT_CA: '/tls/clients.pem',
  LOCKET_REDIRECT_PORT: '80',
  LOCKET_TRUSTED_PROXIES: '10.0.0.1, 10.1.0.0/16,10.0.0.1',
  LOCKET_CORS_ORIGINS: 'https://app.example.com,http://localhost:3000',
  LOCKET_DOCS: 'on',
  LOCKET_EGRESS_ALLOW: 'api.example.com:8443,*.example.org',
  LOCKET_EMBEDDER_URL: 'https://api.example.com:8443/v1/',
  LOCKET_EMBEDDER_MODEL: 'bge-m3',
  LOCKET_EMBEDDER_DIMENSIONS: '1024',
  LOCKET_EMBEDDER_SHORTEN: 'on',
  LOCKET_EMBEDDER_KEY: 'file:/keys/embedder',
  LOCKET_DATABASE_URL: 'postgres://locket@db.example/locket?sslmode=require',
  LOCKET_DATABASE_PASSWORD: 'env:PGPASSWORD',
  LOCKET_DATABASE_CA: '/tls/database.pem',
  LOCKET_DATABASE_CONNECTIONS: '20',
  LOCKET_DATABASE_STATEMENT_TIMEOUT: '1000',
  LOCKET_ROOT_KEY: rootKey,
  LOCKET_TOMBSTONES_FILE: '/keys/gone',
  LOCKET_BLOCKED_ADDRESSES: '192.0.2.0/24',
  LOCKET_REDIS_URL: 'rediss://valkey.example/2',
  LOCKET_REDIS_PASSWORD: 'file:/keys/v',
  LOCKET_REDIS_CA: '/tls/v.pem',
  LOCKET_RATE_LIMITS: 'read.credential=50000/10,sign-in.address=120/60/20',
  LOCKET_METRICS_HOST: '10.0.0.7',
  LOCKET_METRICS_PORT: '9100',
  LOCKET_METRICS_EXPOSED: 'on',
  LOCKET_LOG_LEVEL: 'debug',
  LOCKET_INDEX_MEMORY: '64',
}

describe('a server', () => {
  test('is safe with no settings at all', () => {
    assert.deepEqual(shown(readConfig({}, {})), {
      mode: 'development',
      dataDir: './locket-data',
      host: '127.0.0.1',
      port: 8080,
      publicUrl: null,
      tls: null,
      redirectPort: null,
      metrics: { host: '127.0.0.1', port: 9090, isDefaultPort: true, exposed: false },
      traces: null,
      trustedProxies: [],
      corsOrigins: [],
      docs: true,
      egressAllow: [],
      rootKey: { file: 'locket-data/root.key' },
      tombstonesFile: 'locket-data/tombstones',
      database: null,
      embedder: null,
      languageModel: null,
      mail: null,
      auditSinks: noSinks,
      blockedAddresses: [],
      witnesses: [],
      redis: null,
      rateBudgets,
      logLevel: 'info',
      indexes_bytes_max: 512 * 1024 * 1024,
    })
  })

  test('takes every setting from the environment', () => {
    assert.deepEqual(shown(readConfig({}, everySetting)), {
      mode: 'production',
      dataDir: '/data',
      host: '::1',
      port: 0,
      publicUrl: 'https://memory.example/locket',
      tls: {
        certFile: '/tls/cert.pem',
        keyFile: '/tls/key.pem',
        key: null,
        clientCaFile: '/tls/clients.pem',
      },
      redirectPort: 80,
      metrics: { host: '10.0.0.7', port: 9100, isDefaultPort: false, exposed: true },
      traces: null,
      trustedProxies: ['10.0.0.1', '10.1.0.0/16'],
      corsOrigins: ['https://app.example.com', 'http://localhost:3000'],
      docs: true,
      egressAllow: ['api.example.com:8443', '*.example.org'],
      rootKey: {
        secret: { label: 'LOCKET_ROOT_KEY', reference: 'env:LOCKET_ROOT_KEY', isLocal: true },
      },
      database: {
        url: 'postgres://locket@db.example/locket',
        password: {
          label: 'LOCKET_DATABASE_PASSWORD',
          reference: 'env:PGPASSWORD',
          isLocal: true,
        },
        caFile: '/tls/database.pem',
        tls: 'verify',
        connections_max: 20,
        statement_ms_max: 1000,
      },
      tombstonesFile: '/keys/gone',
      embedder: {
        baseUrl: 'https://api.example.com:8443/v1',
        model: 'bge-m3',
        dimensions: 1024,
        shorten: true,
        key: { label: 'LOCKET_EMBEDDER_KEY', reference: 'file:/keys/embedder', isLocal: true },
        timeout_ms: 10_000,
        calls_max: 4,
      },
      languageModel: null,
      mail: null,
      auditSinks: noSinks,
      blockedAddresses: ['192.0.2.0/24'],
      witnesses: [],
      redis: {
        url: 'rediss://valkey.example/2',
        password: { label: 'LOCKET_REDIS_PASSWORD', reference: 'file:/keys/v', isLocal: true },
        caFile: '/tls/v.pem',
      },
      rateBudgets: {
        ...rateBudgets,
        'read.credential': { requests: 50_000, window_ms: 10_000, burst: 50_000 },
        'sign-in.address': { requests: 120, window_ms: 60_000, burst: 20 },
      },
      logLevel: 'debug',
      indexes_bytes_max: 64 * 1024 * 1024,
    })
  })

  test('has a language model where one is named', () => {
    const env = {
      LOCKET_EGRESS_ALLOW: 'api.example.org',
      LOCKET_LANGUAGE_MODEL_URL: 'https://api.example.org/v1/',
      LOCKET_LANGUAGE_MODEL_NAME: 'llama3',
      LOCKET_LANGUAGE_MODEL_KEY: 'file:/keys/model',
    }
    assert.deepEqual(shown(readConfig({}, env))['languageModel'], {
      baseUrl: 'https://api.example.org/v1',
      model: 'llama3',
      key: {
        label: 'LOCKET_LANGUAGE_MODEL_KEY',
        reference: 'file:/keys/model',
        isLocal: true,
      },
      timeout_ms: 30_000,
    })
  })

  test('traces where a collector is named that may be called, all requests unless it is said', () => {
    const flags = {
      'trace-endpoint': 'http://127.0.0.1:4318/',
      'egress-allow': 'http://127.0.0.1:4318',
    }
    const endpoint = 'http://127.0.0.1:4318'
    assert.deepEqual(readConfig(flags, {}).traces, { endpoint, sample: 1, parents: [] })
    const env = { LOCKET_TRACE_SAMPLE: '.05', LOCKET_TRACE_PARENTS: '10.0.0.0/8,::1' }
    const parents = ['10.0.0.0/8', '::1']
    assert.deepEqual(readConfig(flags, env).traces, { endpoint, sample: 0.05, parents })
    // What clusters put into every container is no word of the operator.
    const standard = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER: 'always_on' }
    assert.equal(readConfig({}, standard).traces, null)
    for (const wrong of ['2', '-0.1', '1e-3', '50%', '', '0.1.1', 'NaN']) {
      assert.throws(() => readConfig({ ...flags, 'trace-sample': wrong }, {}), /--trace-sample/)
    }
  })

  test('takes a flag before the environment', () => {
    const env = { LOCKET_DATA_DIR: '/a', LOCKET_PORT: '1', LOCKET_HOST: 'localhost' }
    const config = readConfig({ 'data-dir': '/b', port: '2' }, env)
    assert.deepEqual([config.dataDir, config.port, config.host], ['/b', 2, 'localhost'])
  })

  test('[V13.4.5] serves its docs in production only when it is asked to', () => {
    const docs = (env: Environment) => readConfig({}, env).docs
    assert.equal(docs({ LOCKET_MODE: 'production' }), false)
    assert.equal(docs({ LOCKET_MODE: 'production', LOCKET_DOCS: 'on' }), true)
    assert.equal(docs({ LOCKET_DOCS: 'off' }), false)
  })

  test('keeps the record of destroyed keys beside the root key', () => {
    const beside = (flags: Flags, env: Environment) => readConfig(flags, env).tombstonesFile
    assert.equal(beside({ 'root-key-file': '/keys/root.key' }, {}), '/keys/tombstones')
    assert.equal(beside({ 'data-dir': '/data' }, {}), '/data/tombstones')
    assert.equal(beside({ 'data-dir': '/data' }, { LOCKET_ROOT_KEY: rootKey }), '/data/tombstones')
  })

  test('cannot have its settings changed', () => {
    const config = readConfig(
      { 'tls-cert': 'a', 'tls-key': 'b', 'database-url': 'postgres://a@b/c' },
      {},
    )
    const { rootKey: key, tls, database, corsOrigins, trustedProxies, egressAllow } = config
    const parts = [config, key, tls, database, corsOrigins, trustedProxies, egressAllow]
    assert.ok(parts.every(Object.isFrozen))
  })

  test('ignores what belongs to the tests and to others', () => {
    assert.doesNotThrow(() =>
      readConfig({}, { LOCKET_TEST_VECTORS: 'x', PATH: '/bin', LOCKETS: '' }),
    )
  })
})

describe('mistakes', () => {
  test('are all told at once, in the order of the settings', () => {
    const flags = { port: '-1', 'index-memory': '8', prot: '1' }
    const env = {
      LOCKET_HOSTS: 'x',
      LOCKET_DATA_DIR: '',
      LOCKET_HOST: 'not a host',
      LOCKET_ROOT_KEY: rootKey,
      LOCKET_ROOT_KEY_FILE: 'root.key',
      LOCKET_URL: 'localhost',
    }
    assert.deepEqual(
      mistakesOf(() => readConfig(flags, env)),
      [
        '--prot: there is no such flag; did you mean --port?',
        'LOCKET_HOSTS: there is no such setting; did you mean LOCKET_HOST?',
        'LOCKET_ROOT_KEY and LOCKET_ROOT_KEY_FILE: set one of the two, not both',
        'LOCKET_DATA_DIR: expected a directory',
        'LOCKET_HOST: expected a host name or an IP address',
        '--port: expected a port from 0 to 65535',
        '--index-memory: expected whole MiB from 16 to 1048576',
        'LOCKET_URL: expected an http or https URL as browsers write it, without query or fragment',
      ],
    )
  })

  test('name both root keys as they were given', () => {
    const read = () => readConfig({ 'root-key-file': 'root.key' }, { LOCKET_ROOT_KEY: rootKey })
    assert.deepEqual(mistakesOf(read), [
      'LOCKET_ROOT_KEY and --root-key-file: set one of the two, not both',
    ])
  })

  test('never repeat a value', () => {
    const secret = 'c2VjcmV0'
    const env = Object.fromEntries(Object.values(settings).map((one) => [one.env, `${secret} `]))
    const flags = Object.fromEntries(
      Object.values(settings).flatMap((one) =>
        one.flag === null ? [] : [[one.flag, `${secret}\0`]],
      ),
    )
    const told = [
      ...mistakesOf(() => readConfig({}, { ...env, LOCKET_UNKNOWN: secret })),
      ...mistakesOf(() => readConfig({ ...flags, unknown: secret }, env)),
      ...mistakesOf(() => readRemoteConfig(env)),
    ]
    assert.ok(told.length > 10)
    assert.doesNotMatch(told.join('\n'), new RegExp(secret))
  })
})

describe('one setting', () => {
  const wrong: readonly [string, string][] = [
    ['LOCKET_PORT', '65536'],
    ['LOCKET_PORT', '80.5'],
    ['LOCKET_PORT', '0x50'],
    ['LOCKET_PORT', ''],
    ['LOCKET_PORT', ' 80'],
    ['LOCKET_HOST', ''],
    ['LOCKET_HOST', 'http://localhost'],
    ['LOCKET_HOST', 'a/b'],
    ['LOCKET_PUBLIC_URL', 'memory.example'],
    ['LOCKET_PUBLIC_URL', 'ftp://memory.example'],
    ['LOCKET_PUBLIC_URL', 'https://user:secret@memory.example'],
    ['LOCKET_PUBLIC_URL', 'https://memory.example/?a'],
    ['LOCKET_PUBLIC_URL', 'https://memory.example/#a'],
    ['LOCKET_PUBLIC_URL', 'https://'],
    ['LOCKET_PUBLIC_URL', 'https://mémoire.example'],
    ['LOCKET_PUBLIC_URL', 'https://memory.example/é'],
    ['LOCKET_PUBLIC_URL', 'https://memory.example\\locket'],
    ['LOCKET_PUBLIC_URL', 'https://memory.example/\u007f'],
    ['LOCKET_PUBLIC_URL', 'https://memory.example/\n'],
    ['LOCKET_PUBLIC_URL', 'https://memory.example/a/../b'],
    ['LOCKET_PUBLIC_URL', 'https://Memory.example'],
    ['LOCKET_PUBLIC_URL', 'https://memory.example:443'],
    ['LOCKET_PUBLIC_URL', 'https:memory.example'],
    ['LOCKET_ROOT_KEY', ''],
    ['LOCKET_ROOT_KEY', Buffer.alloc(31).toString('base64')],
    ['LOCKET_ROOT_KEY', Buffer.alloc(33).toString('base64')],
    ['LOCKET_ROOT_KEY', `${rootKey}\n`],
    ['LOCKET_ROOT_KEY_FILE', ''],
    ['LOCKET_TOMBSTONES_FILE', 'a\0b'],
    ['LOCKET_LOG_LEVEL', 'INFO'],
    ['LOCKET_INDEX_MEMORY', '15'],
    ['LOCKET_INDEX_MEMORY', '1048577'],
    ['LOCKET_INDEX_MEMORY', '1e3'],
    ['LOCKET_CONFIG', ''],
    ['LOCKET_MODE', 'prod'],
    ['LOCKET_MODE', 'Production'],
    ['LOCKET_DATABASE_URL', ''],
    ['LOCKET_REDIRECT_PORT', '80,81'],
    ['LOCKET_TRUSTED_PROXIES', 'proxy.example'],
    ['LOCKET_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['LOCKET_TRUSTED_PROXIES', '10.0.0.0/8/8'],
    ['LOCKET_TRUSTED_PROXIES', '10.0.0.0/08'],
    ['LOCKET_TRUSTED_PROXIES', '0.0.0.0/00'],
    ['LOCKET_TRUSTED_PROXIES', 'fe80::1%eth0'],
    ['LOCKET_TRUSTED_PROXIES', '10.0.0.1,'],
    ['LOCKET_TRUSTED_PROXIES', '10.0.0.1;10.0.0.2'],
    ['LOCKET_TRUSTED_PROXIES', '*'],
    ['LOCKET_TRUSTED_PROXIES', Array.from({ length: 101 }, (_, at) => `10.0.0.${at}`).join(',')],
    ['LOCKET_CORS_ORIGINS', '*'],
    ['LOCKET_CORS_ORIGINS', 'null'],
    ['LOCKET_CORS_ORIGINS', 'app.example.com'],
    ['LOCKET_CORS_ORIGINS', 'https://app.example.com/'],
    ['LOCKET_CORS_ORIGINS', 'https://app.example.com:443'],
    ['LOCKET_CORS_ORIGINS', 'https://App.example.com'],
    ['LOCKET_CORS_ORIGINS', 'https://*.example.com'],
    ['LOCKET_CORS_ORIGINS', 'https://user@app.example.com'],
    ['LOCKET_CORS_ORIGINS', 'ftp://app.example.com'],
    ['LOCKET_CORS_ORIGINS', 'https://a.example,https://b.example/path'],
    ['LOCKET_DOCS', 'true'],
    ['LOCKET_EGRESS_ALLOW', '*'],
    ['LOCKET_EGRESS_ALLOW', '*.com'],
    ['LOCKET_EGRESS_ALLOW', 'https://api.example.com/path'],
    ['LOCKET_EGRESS_ALLOW', 'api.example.com:0'],
    ['LOCKET_DATABASE_URL', 'locket.db'],
    ['LOCKET_DATABASE_CONNECTIONS', '1'],
    ['LOCKET_DATABASE_CONNECTIONS', '1001'],
    ['LOCKET_DATABASE_STATEMENT_TIMEOUT', '99'],
    ['LOCKET_DATABASE_STATEMENT_TIMEOUT', '600001'],
  ]
  for (const [name, value] of wrong) {
    test(`${name} is not ${JSON.stringify(value)}`, () => {
      const [mistake, ...others] = mistakesOf(() => readConfig({}, { [name]: value }))
      assert.match(mistake ?? '', new RegExp(`^${name}: expected `))
      assert.deepEqual(others, [])
    })
  }

  const right: readonly [string, string][] = [
    ['LOCKET_PORT', '65535'],
    ['LOCKET_HOST', '0.0.0.0'],
    ['LOCKET_HOST', 'fe80::1%eth0'],
    ['LOCKET_HOST', 'memory_1.internal'],
    ['LOCKET_PUBLIC_URL', 'http://127.0.0.1:8080'],
    ['LOCKET_PUBLIC_URL', 'https://[::1]:8443/locket//'],
    ['LOCKET_INDEX_MEMORY', '16'],
    ['LOCKET_LOG_LEVEL', 'silent'],
    ['LOCKET_TRUSTED_PROXIES', ''],
    ['LOCKET_TRUSTED_PROXIES', '::1,fd00::/8'],
    ['LOCKET_CORS_ORIGINS', 'http://[::1]:3000'],
    ['LOCKET_EGRESS_ALLOW', 'api.example.com'],
  ]
  for (const [name, value] of right) {
    test(`${name} may be ${value}`, () => {
      assert.doesNotThrow(() => readConfig({}, { [name]: value }))
    })
  }

  test('has no flag when it is a secret', () => {
    assert.equal(settings.rootKey.flag, null)
    assert.equal(settings.apiKey.flag, null)
  })
})

test('a near miss is one letter more, less, other or elsewhere', () => {
  const known = ['data-dir', 'port', 'recall']
  for (const word of ['datadir', 'data_dir', 'DATA-DIR', 'data_dirs', 'data-di', 'dota-dir']) {
    assert.equal(didYouMean(word, known), '; did you mean data-dir?')
  }
  assert.equal(didYouMean('prot', known), '; did you mean port?')
  for (const word of ['dir', 'sport-x', 'all', '']) assert.equal(didYouMean(word, known), '')
})

test('stacks are for who asks for them', () => {
  assert.equal(isDebug({ LOCKET_LOG_LEVEL: 'debug' }), true)
  assert.equal(isDebug({ LOCKET_LOG_LEVEL: 'info' }), false)
  assert.equal(isDebug({}), false)
})
