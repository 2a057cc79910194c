/** What the documents say: samples run as written, links lead somewhere, names exist. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import type { Setting } from '../src/config/setting.ts'
import { settings } from '../src/config/settings.ts'
import { parseJson } from '../src/core/json.ts'
import {
  anchorsOf,
  type Document,
  type Mention,
  mentions,
  parseDocument,
  readDocuments,
  root,
  scriptOf,
} from './docs/markdown.ts'
import { engine } from './engine.ts'
import { type Data, initData, startServer } from './server-process.ts'

const run = promisify(execFile)
const samples_ms_max = 300_000
const documents = readDocuments()
const runnable = documents.filter(
  ({ file, samples }) =>
    /^(README\.md|docs\/guides\/)/.test(file) && samples.some(({ language }) => language === 'sh'),
)

describe('samples', { concurrency: availableParallelism() }, () => {
  test('there are some to run', () => {
    const files = runnable.map(({ file }) => file)
    assert.ok(files.includes('README.md'))
    assert.ok(files.includes('docs/guides/getting-started.md'))
  })

  // Every sample once; with PostgreSQL those of the README again, for each has a server of its own.
  const again = runnable.filter(({ file }) => engine === 'sqlite' || file === 'README.md')
  for (const document of again) {
    test(`${document.file}: every shell sample runs, in order`, async (t) => {
      const { url, data } = await freshServer(t)
      const failure = await runSamples(document, { url, key: data.key })
      assert.equal(failure, null)
    })
  }

  for (const document of documents) {
    const bodies = document.samples.filter(({ language }) => language === 'json')
    if (bodies.length === 0) continue
    test(`${document.file}: every JSON sample is JSON`, () => {
      for (const { line, text } of bodies) {
        assert.doesNotThrow(() => parseJson(text), `${document.file}:${line}`)
      }
    })
  }

  test('a sample that fails is told with its file and line', async () => {
    const document = parseDocument('X.md', '# X\n\n```sh\ntrue\nfalse\n```\n')
    const failure = await runSamples(document, { url: 'http://127.0.0.1:9', key: 'lk_none' })
    assert.match(failure ?? '', /^X\.md:5: `false` failed/)
  })
})

describe('documents', () => {
  for (const document of documents) {
    test(`${document.file}: every link leads somewhere`, () => {
      assert.deepEqual(deadLinks(document), [])
    })

    test(`${document.file}: every file that it names exists`, () => {
      const named = mentions(document.prose, /`((?:src|test|bench|docs)\/[\w./-]+)`/g)
      const absent = named.filter(({ text }) => !existsSync(join(root, text)))
      assert.deepEqual(absent.map(placed(document)), [])
    })

    test(`${document.file}: every setting that it names exists`, () => {
      const known = Object.values<Setting>(settings).map(({ env }) => env)
      const named = mentions(document.text, /\b(LOCKET_[A-Z_]+[A-Z])\b/g)
      const unknown = named.filter(
        ({ text }) => !known.includes(text) && !text.startsWith('LOCKET_TEST_'),
      )
      assert.deepEqual(unknown.map(placed(document)), [])
    })
  }

  test('every npm script that they name exists', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    for (const document of documents) {
      const named = mentions(document.text, /\bnpm run (?:-s )?([a-z-]+)/g)
      const unknown = named.filter(({ text }) => !Object.hasOwn(scripts, text))
      assert.deepEqual(unknown.map(placed(document)), [])
    }
  })

  test('every dependency has its reasons in docs/adr/0007-dependencies.md', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const { dependencies, devDependencies, optionalDependencies } = manifest
    const reasons = readFileSync(join(root, 'docs/adr/0007-dependencies.md'), 'utf8')
    const names = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
    assert.deepEqual(
      names.filter((name) => !reasons.includes(`\`${name}\``)),
      [],
    )
  })
})

function placed({ file }: Document) {
  return ({ line, text }: Mention): string => `${file}:${line}: ${text}`
}

/** Relative links whose file is not there, or has no such heading. */
function deadLinks(document: Document): readonly string[] {
  const links = mentions(document.prose, /\]\(([^)\s]+)\)/g)
  return links.filter(({ text }) => !leadsSomewhere(document, text)).map(placed(document))
}

function leadsSomewhere(document: Document, link: string): boolean {
  if (/^[a-z]+:/.test(link)) return true
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? document.file : normalize(join(dirname(document.file), path))
  if (file.startsWith('..') || !existsSync(join(root, file))) return false
  const target = documents.find((one) => one.file === file)
  return anchor === undefined || (target !== undefined && anchorsOf(target).has(anchor))
}

async function freshServer(t: TestContext): Promise<{ url: string; data: Data }> {
  const data = await initData()
  const server = await startServer(data)
  t.after(async () => {
    await server.end('SIGTERM')
    await data.remove()
  })
  return { url: server.url, data }
}

/** Null, or where and how a sample failed. The key is that of a first administrator. */
async function runSamples(
  document: Document,
  server: { url: string; key: string },
): Promise<string | null> {
  // The shell is told which line failed; everything of ours stands before the first line.
  const told = `trap 'echo "$LOCKET_TEST_FILE:$LINENO: \\\`$BASH_COMMAND\\\` failed" >&2' ERR`
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const options = {
    cwd: root,
    timeout: samples_ms_max,
    env: {
      ...env,
      LOCKET_URL: server.url,
      LOCKET_API_KEY: server.key,
      LOCKET_TEST_FILE: document.file,
    },
  }
  const args = ['-Eeuo', 'pipefail', '-c', `${told}; ${scriptOf(document)}`]
  return run('bash', args, options).then(
    () => null,
    (error: { stdout: string; stderr: string }) => {
      const lines = error.stderr.trim().split('\n')
      const place = lines.find((line) => line.startsWith(`${document.file}:`))
      return [place ?? document.file, ...lines, error.stdout.slice(-2000)].join('\n')
    },
  )
}
