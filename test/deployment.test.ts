/** compose.yaml, the systemd unit and nginx.conf: each line that keeps something out is held here. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { readConfig } from '../src/config/config.ts'
import { limits } from '../src/core/limits.ts'
import { environmentOf, lastStage, parseDockerfile } from './deployment-dockerfile.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const noOpenssl = 'openssl is not installed'
const root = join(import.meta.dirname, '..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
/** A variable that would hold a secret refers to a file instead. */
const bareSecret = /(PASSWORD|SECRET|TOKEN|_KEY)=(?!(\$\{\w+:\+)?file:\/run\/secrets\/)/
const image = environmentOf(lastStage(parseDockerfile(read('Dockerfile'))))

type Texts = readonly string[]
type Table<Value> = Readonly<Record<string, Value>>

interface Service {
  readonly image: string
  readonly build?: string
  readonly pull_policy?: string
  readonly user: string
  readonly command?: Texts
  readonly read_only?: boolean
  readonly cap_drop?: Texts
  readonly cap_add?: Texts
  readonly privileged?: boolean
  readonly security_opt?: Texts
  readonly ulimits?: Table<number>
  readonly restart?: string
  readonly logging?: { readonly options: Table<string> }
  readonly mem_limit?: string
  readonly cpus?: number
  readonly pids_limit?: number
  readonly environment?: Table<string>
  readonly secrets?: readonly (string | { readonly source: string; readonly target: string })[]
  readonly volumes?: Texts
  readonly tmpfs?: Texts
  readonly networks?: Texts
  readonly network_mode?: string
  readonly ports?: Texts
  readonly profiles?: Texts
  readonly stop_grace_period?: string
  readonly healthcheck?: { readonly test?: Texts; readonly disable?: boolean }
  readonly depends_on?: Table<{ readonly condition: string }>
}

interface Compose {
  readonly services: Table<Service>
  readonly networks: Table<{
    readonly internal?: boolean
    readonly ipam?: { readonly config: readonly { readonly gateway: string }[] }
  }>
  readonly volumes: Table<unknown>
  readonly secrets: Table<{ readonly file: string }>
  readonly configs: Table<{ readonly file: string }>
}

/** The environment where nothing is asked for that is only for several. */
function alone(environment: Service['environment']): Table<string> {
  const entries = Object.entries(environment ?? {})
  return Object.fromEntries(entries.filter(([, value]) => !/^\$\{\w+:[-+]/.test(value)))
}

describe('compose.yaml', () => {
  const compose = parse(read('compose.yaml'), { merge: true }) as Compose
  const { locket, migrate, postgres, valkey } = compose.services
  assert.ok(locket && migrate && postgres && valkey)

  for (const [name, service] of Object.entries(compose.services)) {
    test(`${name} has no privilege, and bounds on what it may use`, () => {
      assert.match(service.user, /^[1-9]\d*:[1-9]\d*$/)
      assert.equal(service.read_only, true)
      assert.deepEqual(service.cap_drop, ['ALL'])
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'])
      assert.equal(service.ulimits?.['core'], 0)
      for (const given of ['cap_add', 'privileged', 'network_mode'] as const) {
        assert.equal(service[given], undefined, given)
      }
      assert.ok(service.mem_limit && service.cpus && service.pids_limit)
      assert.ok(service.logging?.options['max-size'])
      assert.equal(service.restart, name === 'migrate' ? 'no' : 'unless-stopped')
      for (const mount of service.tmpfs ?? []) assert.match(mount, /size=.*noexec,nosuid,nodev/)
    })

    test(`${name} has an exact image, and no folder of this machine`, () => {
      assert.match(service.image, /^[\w./-]+:[\w.-]*\d[\w.-]*$/)
      for (const mount of service.volumes ?? []) {
        assert.ok(Object.hasOwn(compose.volumes, mount.split(':')[0] ?? ''), mount)
      }
    })

    test(`${name} gets its secrets as files alone`, () => {
      for (const [variable, value] of Object.entries(service.environment ?? {})) {
        assert.doesNotMatch(`${variable}=${value}`, bareSecret)
        assert.doesNotMatch(String(value), /:\/\/[^/]*:[^/]*@/, 'a password in a URL')
      }
      for (const secret of service.secrets ?? []) {
        const source = typeof secret === 'string' ? secret : secret.source
        assert.match(compose.secrets[source]?.file ?? '', /^\.\/secrets\//)
      }
    })
  }

  test('only Locket can be reached, and only from this machine', () => {
    const open = Object.entries(compose.services).filter(([, { ports }]) => ports)
    assert.deepEqual(
      open.map(([name, { ports }]) => [name, ports]),
      [['locket', ['127.0.0.1:8080:8080']]],
    )
    assert.equal(compose.networks['inside']?.internal, true)
    for (const service of [migrate, postgres, valkey]) {
      assert.deepEqual(service.networks, ['inside'])
    }
  })

  test('the proxy that Locket trusts is the gateway of its network', () => {
    const gateway = compose.networks['edge']?.ipam?.config[0]?.gateway
    assert.ok(locket.networks?.includes('edge'))
    assert.equal(locket.environment?.['LOCKET_TRUSTED_PROXIES'], gateway)
  })

  test('Locket and the migration are configured as production takes it', () => {
    for (const { environment } of [locket, migrate]) {
      const own = { ...image, ...alone(environment), LOCKET_PUBLIC_URL: 'https://locket.example' }
      const { mode, database } = readConfig({}, own)
      assert.deepEqual([mode, database?.tls], ['production', 'verify'])
      assert.equal(new URL(database?.url ?? '').hostname, 'postgres')
    }
    assert.match(locket.environment?.['LOCKET_PUBLIC_URL'] ?? '', /^\$\{LOCKET_PUBLIC_URL:\?/)
  })

  test('Valkey is used where it is asked for, by TLS and with its password', () => {
    const variables = Object.entries(locket.environment ?? {}).filter(([name]) =>
      /REDIS/.test(name),
    )
    const given = 'rediss://valkey'
    const own = variables.map(([name, value]) => [
      name,
      value
        .replace(/^\$\{LOCKET_REDIS_URL:-\}$/, given)
        .replace(/^\$\{LOCKET_REDIS_URL:\+(.*)\}$/, '$1'),
    ])
    const { redis } = readConfig({}, { LOCKET_MODE: 'production', ...Object.fromEntries(own) })
    assert.equal(redis?.url, given)
    assert.equal(redis.password?.reference, 'file:/run/secrets/valkey-password')
    assert.equal(redis.caFile, '/run/secrets/database-ca')
    assert.ok(read('compose.yaml').includes(`LOCKET_REDIS_URL=${given} docker compose`))
  })

  test('the owner of the schema migrates, another login serves and knows no other secret', () => {
    const loginOf = ({ environment }: Service) =>
      new URL(environment?.['LOCKET_DATABASE_URL'] ?? '').username
    assert.deepEqual([loginOf(migrate), loginOf(locket)], ['locket_owner', 'locket'])
    assert.deepEqual(migrate.secrets, ['database-owner-password', 'database-ca'])
    const served = ['root-key', 'database-password', 'database-ca', 'valkey-password']
    assert.deepEqual(locket.secrets, served)
    assert.equal(locket.depends_on?.['migrate']?.condition, 'service_completed_successfully')
  })

  test('every service that stays is asked whether it is well', () => {
    assert.ok(postgres.healthcheck?.test && valkey.healthcheck?.test)
    assert.equal(locket.healthcheck, undefined, 'the image has its own')
    assert.equal(migrate.healthcheck?.disable, true)
  })

  test('PostgreSQL is well only once it can be reached: not while the image sets it up', () => {
    // The server that does that listens on no address. A login that is let in by no rule would be
    // a line in the log each time.
    assert.deepEqual(postgres.healthcheck?.test, [
      'CMD',
      'pg_isready',
      '--quiet',
      '--host=127.0.0.1',
      '--username=locket',
      '--dbname=locket',
    ])
    assert.equal(locket.depends_on?.['postgres']?.condition, 'service_healthy')
    assert.equal(migrate.depends_on?.['postgres']?.condition, 'service_healthy')
  })

  test('the image is built once, and nobody else is asked for it', () => {
    assert.equal(locket.build, '.')
    const { build, image: of, pull_policy } = migrate
    assert.deepEqual([build, of, pull_policy], [undefined, locket.image, 'never'])
  })

  test('what one Locket alone does not need starts only when asked for', () => {
    assert.deepEqual(valkey.profiles, ['valkey'])
    for (const service of [locket, migrate, postgres]) assert.equal(service.profiles, undefined)
  })

  test('Locket has the time to end what is under way', () => {
    const grace_s = Number(/^(\d+)s$/.exec(locket.stop_grace_period ?? '')?.[1])
    assert.ok(grace_s * 1000 > 2 * limits.drain_timeout_ms)
  })

  test('PostgreSQL takes its logins over TLS with passwords, and nobody else', () => {
    assert.ok(postgres.command?.includes('--ssl=on'))
    const rules = read('deploy/postgres/pg_hba.conf')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(/\s+/))
    assert.deepEqual(rules, [
      ['local', 'all', 'postgres', 'peer'],
      ['hostssl', 'locket', 'locket,locket_owner', 'all', 'scram-sha-256'],
    ])
    const sql = read(compose.configs['roles']?.file ?? '')
    assert.doesNotMatch(sql, /PASSWORD '|SUPERUSER|BYPASSRLS|CREATEROLE/)
    for (const [, file = ''] of sql.matchAll(/`cat \/run\/secrets\/([\w-]+)`/g)) {
      const targets = postgres.secrets?.map((one) => (typeof one === 'string' ? one : one.target))
      assert.ok(targets?.includes(file), file)
    }
  })

  describe('deploy/make-secrets.sh', {
    skip: hasOpenssl ? process.getuid?.() !== 0 && 'only root can give files away' : noOpenssl,
  }, () => {
    const make = (...args: Texts) =>
      spawnSync('sh', [join(root, 'deploy/make-secrets.sh'), ...args], { encoding: 'utf8' })
    const owned = (folder: string): Texts =>
      execFileSync('find', ['.', '-type', 'f', '-printf', '%p %m %U\n'], { cwd: folder })
        .toString()
        .trim()
        .split('\n')
        .sort()
    const owners: Table<string> = { locket: '400 65532', postgres: '400 999', valkey: '400 999' }
    const expected = Object.values(compose.secrets)
      .map(({ file }) => {
        const [, , place = ''] = file.split('/')
        return `${file.replace('/secrets', '')} ${owners[place] ?? '444 0'}`
      })
      .sort()

    test('makes the secrets that are named, each for the one user that reads it', (t) => {
      const folder = join(temporaryDirectory(t), 'secrets')
      const { status, stderr } = make(folder)
      assert.equal(status, 0, stderr)
      assert.deepEqual(owned(folder), expected)
      assert.equal(make(folder).status, 1, 'what is there stays as it is')
    })

    test('renews the certificate, and touches neither root key nor passwords', (t) => {
      const directory = temporaryDirectory(t)
      const folder = join(directory, 'secrets')
      assert.equal(make('--renew', folder).status, 1, 'there is nothing to renew')
      make(folder)
      const texts = () =>
        new Map(
          expected.map((line) => {
            const [file = ''] = line.split(' ')
            return [file, readFileSync(join(folder, file), 'utf8')]
          }),
        )
      const before = texts()
      const { status, stderr } = make('--renew', folder)
      assert.equal(status, 0, stderr)
      const after = texts()
      assert.deepEqual(
        [...after.keys()].filter((file) => after.get(file) !== before.get(file)).sort(),
        [
          './database-ca.crt',
          './postgres/server.crt',
          './postgres/server.key',
          './valkey/server.crt',
          './valkey/server.key',
        ],
      )
      assert.deepEqual(owned(folder), expected)
      for (const name of ['postgres', 'valkey']) {
        const files = [join(folder, 'database-ca.crt'), join(folder, `${name}/server.crt`)]
        const verify = ['verify', '-x509_strict', '-verify_hostname', name, '-CAfile', ...files]
        execFileSync('openssl', verify)
      }
      assert.deepEqual(readdirSync(directory), ['secrets'])
    })
  })
})

test('what Kubernetes says of a Service named locket is no setting, and the guide keeps it away', () => {
  const links = { LOCKET_PORT: 'tcp://10.0.0.1:8080', LOCKET_SERVICE_HOST: '10.0.0.1' }
  assert.throws(() => readConfig({}, { ...image, ...links }), {
    name: 'ConfigError',
    message: /^LOCKET_SERVICE_HOST: .*\nLOCKET_PORT: expected a port/,
  })
  assert.match(read('docs/guides/deployment.md'), /`enableServiceLinks: false` in the pod/)
})

describe('deploy/locket.service', () => {
  const unit = read('deploy/locket.service')
  const analyze = '/usr/bin/systemd-analyze'
  const skip = !existsSync(analyze) && 'systemd-analyze is not installed'

  test('what systemd says of its exposure is 1.5 at the most', { skip }, (t) => {
    const args = ['security', '--offline=true', '--no-pager', join(root, 'deploy/locket.service')]
    const { stdout } = spawnSync(analyze, args, { encoding: 'utf8' })
    const [, exposure] = /Overall exposure level for locket\.service: (\d+\.\d+)/.exec(stdout) ?? []
    t.diagnostic(`exposure ${exposure}`)
    assert.ok(Number(exposure) <= 1.5, stdout.slice(-200))
  })

  test('systemd knows every line of it', { skip }, (t) => {
    const file = join(temporaryDirectory(t), 'locket.service')
    writeFileSync(file, unit.replaceAll('/opt/locket/', `${root}/`))
    const { status, stderr } = spawnSync(analyze, ['verify', '--man=no', file], {
      encoding: 'utf8',
    })
    const own = stderr.split('\n').filter((line) => line.includes('locket.service'))
    assert.deepEqual([status, own], [0, []], stderr)
  })

  test('its settings are those that production takes', () => {
    const lines = [...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)]
    const env = Object.fromEntries(
      lines.map(([, name = '', value = '']) => [
        name,
        value.replace('%S', '/var/lib').replace('%d', '/run/credentials/locket.service'),
      ]),
    )
    const { mode, host, rootKey, dataDir, tombstonesFile } = readConfig({}, env)
    assert.deepEqual([mode, host, dataDir], ['production', '127.0.0.1', '/var/lib/locket'])
    assert.deepEqual(rootKey, { file: '/run/credentials/locket.service/root.key' })
    assert.ok(!tombstonesFile.startsWith(`${dataDir}/`))
    assert.match(unit, /^StateDirectory=locket locket-tombstones$/m)
  })

  test('it can open as many files as it takes connections, and waits for those that end', () => {
    const numberOf = (name: string) => Number(new RegExp(`^${name}=(\\d+)$`, 'm').exec(unit)?.[1])
    assert.ok(numberOf('LimitNOFILE') > limits.connections_max)
    assert.ok(numberOf('TimeoutStopSec') * 1000 > 2 * limits.drain_timeout_ms)
    assert.equal(numberOf('LimitCORE'), 0)
  })
})

describe('deploy/nginx.conf', () => {
  const config = read('deploy/nginx.conf')
  const said = (name: string): string =>
    new RegExp(`^\\s*${name} ([^;]+);`, 'm').exec(config)?.[1] ?? ''

  test('its bounds are those of Locket', () => {
    const seconds = (name: string) => Number(/^(\d+)s$/.exec(said(name))?.[1]) * 1000
    assert.equal(said('client_max_body_size'), `${limits.bodyLarge_bytes_max / 1024 ** 2}m`)
    assert.equal(said('large_client_header_buffers'), `2 ${limits.header_bytes_max / 2 / 1024}k`)
    assert.equal(seconds('client_header_timeout'), limits.header_timeout_ms)
    assert.ok(seconds('proxy_read_timeout') > limits.request_timeout_ms)
    const upstream = /upstream locket \{([^}]*)\}/.exec(config)?.[1] ?? ''
    const idle_ms = Number(/keepalive_timeout (\d+)s/.exec(upstream)?.[1]) * 1000
    assert.ok(idle_ms < limits.keepAlive_timeout_ms)
  })

  test('bodies and answers lie in no temporary file', () => {
    assert.equal(said('client_body_buffer_size'), said('client_max_body_size'))
    assert.equal(said('proxy_max_temp_file_size'), '0')
  })
})
