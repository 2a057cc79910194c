/** Each reason not to start, by itself: a setting that is safe but for one thing. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { makeCa } from '../../test/certificates.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { ConfigError, readServerSettings } from './config.ts'
import { refusals, refuseUnsafe } from './safety.ts'
import type { Environment, Flags } from './sources.ts'

const options = { skip: process.platform === 'win32' }
const day_ms = 24 * 3_600_000
const ca = await makeCa('Test CA')
const pair = await ca.server()
const another = await ca.server()
const expired = await ca.server({
  notBefore: new Date(Date.now() - 2 * day_ms),
  notAfter: new Date(Date.now() - day_ms),
})

/** A place with all the files that a server in production may have, each for its owner alone. */
function place(t: TestContext): { readonly directory: string; readonly env: Environment } {
  const directory = temporaryDirectory(t)
  mkdirSync(join(directory, 'data'), { mode: 0o700 })
  mkdirSync(join(directory, 'keys'), { mode: 0o700 })
  const files = { 'cert.pem': pair.cert, 'key.pem': pair.key, 'ca.pem': ca.cert }
  for (const [name, text] of Object.entries({ ...files, password: 'geheim', 'locket.toml': '' })) {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
  }
  const env = {
    LOCKET_CONFIG: join(directory, 'locket.toml'),
    LOCKET_MODE: 'production',
    LOCKET_DATA_DIR: join(directory, 'data'),
    LOCKET_ROOT_KEY_FILE: join(directory, 'keys', 'root.key'),
  }
  return { directory, env }
}

function refusalsOf(env: Environment, flags: Flags = {}): Promise<readonly string[]> {
  return refusals(readServerSettings(flags, env))
}

interface Case {
  readonly change: (directory: string) => Environment
  /** `DIR` stands for the directory. */
  readonly refused: readonly string[]
  /** Whether development refuses it too. */
  readonly always?: boolean
}

function tls(directory: string): Environment {
  return {
    LOCKET_TLS_CERT: join(directory, 'cert.pem'),
    LOCKET_TLS_KEY: join(directory, 'key.pem'),
  }
}

const plainText =
  'LOCKET_HOST: other machines reach this address in plain text: set tls-cert and tls-key, or ' +
  'trusted-proxies when a proxy does TLS, or listen on 127.0.0.1'
const rootKeyInside =
  'LOCKET_ROOT_KEY_FILE: the root key lies in the data directory, so a copy of the data can be ' +
  'read by whoever has it: move it elsewhere and name its file here'
const tombstonesInside =
  'LOCKET_TOMBSTONES_FILE: the record of destroyed keys lies in the data directory, so an old copy ' +
  'of the data would bring them back: move it elsewhere and name its file here'
const trustingAll =
  'LOCKET_TRUSTED_PROXIES: trusts a large part of all addresses (below /8, or /16 of IPv6), which ' +
  'anybody can have, and who has one can forge every other: name the proxies'
const expiry = new Date(new X509Certificate(expired.cert).validTo).toISOString()
const rootKey = Buffer.alloc(32, 7).toString('base64')

const cases: Readonly<Record<string, Case>> = {
  nothing: { change: () => ({}), refused: [] },
  'the root key and the record of destroyed keys with the data': {
    change: (directory) => ({ LOCKET_ROOT_KEY_FILE: join(directory, 'data', 'root.key') }),
    refused: [rootKeyInside, tombstonesInside],
  },
  'the same by a link': {
    change: (directory) => {
      symlinkSync(join(directory, 'data'), join(directory, 'elsewhere'))
      return { LOCKET_ROOT_KEY_FILE: join(directory, 'elsewhere', 'root.key') }
    },
    refused: [rootKeyInside, tombstonesInside],
  },
  'a root key as text, with the record where it is by default': {
    change: () => ({ LOCKET_ROOT_KEY: rootKey, LOCKET_ROOT_KEY_FILE: undefined }),
    refused: [tombstonesInside],
  },
  'the record in the data directory when the data is elsewhere': {
    change: (directory) => ({
      LOCKET_TOMBSTONES_FILE: join(directory, 'data', 'tombstones'),
      LOCKET_DATABASE_URL: 'postgres://locket@127.0.0.1/locket',
    }),
    refused: [],
  },
  'a listener for other machines in plain text': {
    change: () => ({ LOCKET_HOST: '0.0.0.0' }),
    refused: [plainText],
  },
  'one with an IPv6 address': { change: () => ({ LOCKET_HOST: '::' }), refused: [plainText] },
  'one with a name': { change: () => ({ LOCKET_HOST: 'memory.internal' }), refused: [plainText] },
  'one with TLS': {
    change: (directory) => ({ LOCKET_HOST: '0.0.0.0', ...tls(directory) }),
    refused: [],
  },
  'one behind a proxy': {
    change: () => ({ LOCKET_HOST: '0.0.0.0', LOCKET_TRUSTED_PROXIES: '10.0.0.1' }),
    refused: [],
  },
  'one that is reached past the proxy on this machine': {
    change: () => ({ LOCKET_HOST: '0.0.0.0', LOCKET_TRUSTED_PROXIES: '127.0.0.1,::1' }),
    refused: [
      'LOCKET_HOST: other machines reach this address in plain text, past the proxy on this one: ' +
        'listen on 127.0.0.1',
    ],
  },
  'one behind this machine and another': {
    change: () => ({ LOCKET_HOST: '0.0.0.0', LOCKET_TRUSTED_PROXIES: '127.0.0.1,10.0.0.1' }),
    refused: [],
  },
  'one for this machine': { change: () => ({ LOCKET_HOST: '127.0.0.2' }), refused: [] },
  'metrics for other machines': {
    change: () => ({ LOCKET_METRICS_HOST: '0.0.0.0' }),
    refused: [
      'LOCKET_METRICS_HOST: other machines read the metrics there without a credential: ' +
        'listen on 127.0.0.1, or say metrics-exposed where only operators reach it',
    ],
  },
  'metrics for other machines, by word': {
    change: () => ({ LOCKET_METRICS_HOST: '0.0.0.0', LOCKET_METRICS_EXPOSED: 'on' }),
    refused: [],
  },
  'no metrics, wherever they would be': {
    change: () => ({ LOCKET_METRICS_HOST: '0.0.0.0', LOCKET_METRICS: 'off' }),
    refused: [],
  },
  'every address as a trusted proxy': {
    change: () => ({ LOCKET_TRUSTED_PROXIES: '10.0.0.1,::/0' }),
    refused: [trustingAll],
  },
  'every address, half by half': {
    change: () => ({ LOCKET_TRUSTED_PROXIES: '0.0.0.0/1,128.0.0.0/1' }),
    refused: [trustingAll],
  },
  'every address of IPv4 as IPv6 has it': {
    change: () => ({ LOCKET_TRUSTED_PROXIES: '::ffff:0:0/96' }),
    refused: [trustingAll],
  },
  'a certificate with the key of another': {
    change: (directory) => {
      writeFileSync(join(directory, 'key.pem'), another.key, { mode: 0o600 })
      return tls(directory)
    },
    refused: ['the key in DIR/key.pem is not that of the certificate in DIR/cert.pem'],
    always: true,
  },
  'a certificate that has expired': {
    change: (directory) => {
      writeFileSync(join(directory, 'cert.pem'), expired.cert)
      writeFileSync(join(directory, 'key.pem'), expired.key, { mode: 0o600 })
      return tls(directory)
    },
    refused: [`the certificate expired at ${expiry}: DIR/cert.pem`],
    always: true,
  },
  'a certificate that is none': {
    change: (directory) => {
      writeFileSync(join(directory, 'cert.pem'), 'none')
      return tls(directory)
    },
    refused: ['the certificate file has no certificate (PEM): DIR/cert.pem'],
    always: true,
  },
  'a public URL without TLS': {
    change: () => ({ LOCKET_PUBLIC_URL: 'http://memory.example' }),
    refused: ['LOCKET_PUBLIC_URL: http to another machine is plain text: use https'],
  },
  'a public URL on this machine': {
    change: () => ({ LOCKET_PUBLIC_URL: 'http://localhost:8080' }),
    refused: [],
  },
  'pages from elsewhere without TLS': {
    change: () => ({ LOCKET_CORS_ORIGINS: 'https://a.example,http://b.example' }),
    refused: ["LOCKET_CORS_ORIGINS: a page that came over http may be anybody's: use https"],
  },
  'data that others can read': {
    change: (directory) => {
      chmodSync(join(directory, 'data'), 0o755)
      return {}
    },
    refused: ['LOCKET_DATA_DIR: others can get at it (mode 0755): chmod 700 DIR/data'],
  },
  'a root key that the group can read': {
    change: (directory) => {
      writeFileSync(join(directory, 'keys', 'root.key'), '')
      chmodSync(join(directory, 'keys', 'root.key'), 0o640)
      return {}
    },
    refused: [
      'LOCKET_ROOT_KEY_FILE: others can get at it (mode 0640): chmod 600 DIR/keys/root.key',
    ],
  },
  'settings that others can change': {
    change: (directory) => {
      chmodSync(join(directory, 'locket.toml'), 0o664)
      return {}
    },
    refused: ['DIR/locket.toml: others can change it (mode 0664): chmod go-w DIR/locket.toml'],
  },
  'settings that others can replace': {
    change: (directory) => {
      chmodSync(directory, 0o777)
      return {}
    },
    refused: [
      'DIR/locket.toml: others can put another in its place (DIR has mode 0777): chmod go-w DIR',
    ],
  },
  'settings that others can read': {
    change: (directory) => {
      chmodSync(join(directory, 'locket.toml'), 0o644)
      return {}
    },
    refused: [],
  },
  'a private key that others can read': {
    change: (directory) => {
      chmodSync(join(directory, 'key.pem'), 0o604)
      return tls(directory)
    },
    refused: ['LOCKET_TLS_KEY: others can get at it (mode 0604): chmod 600 DIR/key.pem'],
    always: true,
  },
  'a password that others can read': {
    change: (directory) => {
      chmodSync(join(directory, 'password'), 0o444)
      return {
        LOCKET_DATABASE_URL: 'postgres://locket@127.0.0.1/locket',
        LOCKET_DATABASE_PASSWORD: `file:${join(directory, 'password')}`,
      }
    },
    refused: [
      'LOCKET_DATABASE_PASSWORD: file:DIR/password: others can get at it (mode 0444: chmod 600)',
    ],
    always: true,
  },
  'a password for the group that the server runs in': {
    change: (directory) => {
      chmodSync(join(directory, 'password'), 0o640)
      return {
        LOCKET_DATABASE_URL: 'postgres://locket@127.0.0.1/locket',
        LOCKET_DATABASE_PASSWORD: `file:${join(directory, 'password')}`,
      }
    },
    refused: [],
  },
  'files that are not there, or are none': {
    change: (directory) => ({
      LOCKET_TLS_CERT: join(directory, 'nowhere.pem'),
      LOCKET_TLS_KEY: join(directory, 'key.pem'),
      LOCKET_TLS_CLIENT_CA: join(directory, 'data'),
      LOCKET_DATABASE_URL: 'postgres://locket@db.example/locket',
      LOCKET_DATABASE_CA: join(directory, 'nowhere', 'ca.pem'),
    }),
    refused: [
      'LOCKET_TLS_CERT: there is no such file',
      'LOCKET_TLS_CLIENT_CA: expected a regular file',
      'LOCKET_DATABASE_CA: there is no such file',
    ],
    always: true,
  },
}

describe('a server in production refuses', options, () => {
  for (const [name, { change, refused, always = false }] of Object.entries(cases)) {
    test(name, async (t) => {
      const { directory, env } = place(t)
      const changed = { ...env, ...change(directory) }
      const told = async (mode: string): Promise<readonly string[]> => {
        const lines = await refusalsOf({ ...changed, LOCKET_MODE: mode })
        return lines.map((one) => one.replaceAll(directory, 'DIR'))
      }
      assert.deepEqual(await told('production'), refused)
      assert.deepEqual(await told('development'), always ? refused : [])
    })
  }

  test('a password that every process of the machine can see', async (t) => {
    const { env } = place(t)
    const url = 'postgres://locket:s3cret@127.0.0.1/locket'
    assert.deepEqual(await refusalsOf(env, { 'database-url': url }), [
      '--database-url: every process of this machine can see a password here: give the URL in ' +
        'LOCKET_DATABASE_URL or in the settings file, or the password by database-password',
    ])
    const without = 'postgres://locket@127.0.0.1/locket'
    assert.deepEqual(await refusalsOf(env, { 'database-url': without }), [])
    assert.deepEqual(await refusalsOf({ ...env, LOCKET_DATABASE_URL: url }), [])
    const development = { ...env, LOCKET_MODE: 'development' }
    assert.deepEqual(await refusalsOf(development, { 'database-url': url }), [])
  })

  test('limits that are shared in plain text, or with a password that every process can see', async (t) => {
    const { env } = place(t)
    const far = 'redis://valkey.example'
    const plain = ['LOCKET_REDIS_URL: redis to another machine is plain text: use rediss']
    assert.deepEqual(await refusalsOf({ ...env, LOCKET_REDIS_URL: far }), plain)
    for (const url of ['rediss://valkey.example', 'redis://127.0.0.1', 'redis://[::1]:6380/1']) {
      assert.deepEqual(await refusalsOf({ ...env, LOCKET_REDIS_URL: url }), [], url)
    }
    assert.deepEqual(await refusalsOf(env, { 'redis-url': 'redis://:s3cret@localhost' }), [
      '--redis-url: every process of this machine can see a password here: give the URL in ' +
        'LOCKET_REDIS_URL or in the settings file, or the password by redis-password',
    ])
    const development = { ...env, LOCKET_MODE: 'development', LOCKET_REDIS_URL: far }
    assert.deepEqual(await refusalsOf(development), [])
  })

  test('all of it at once', async (t) => {
    const { directory, env } = place(t)
    chmodSync(join(directory, 'data'), 0o705)
    const settings = readServerSettings(
      { host: '0.0.0.0', 'public-url': 'http://memory.example' },
      { ...env, LOCKET_ROOT_KEY_FILE: undefined, LOCKET_TRUSTED_PROXIES: '0.0.0.0/0' },
    )
    await assert.rejects(refuseUnsafe(settings), (error) => {
      assert.ok(error instanceof ConfigError)
      const named = error.mistakes.map((mistake) => mistake.split(':')[0])
      assert.deepEqual(named, [
        'LOCKET_ROOT_KEY_FILE',
        'LOCKET_TOMBSTONES_FILE',
        '--public-url',
        'LOCKET_TRUSTED_PROXIES',
        'LOCKET_DATA_DIR',
      ])
      return true
    })
  })
})
