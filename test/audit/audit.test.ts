/** `npm run audit` against a registry of our own: npm asks it for real, and answers as it does. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { temporaryDirectory } from '../temporary-directory.ts'
import { readAudit } from './report.ts'

const main = join(import.meta.dirname, 'main.ts')
const bulk = '/-/npm/v1/security/advisories/bulk'
const integrity = `sha512-${Buffer.alloc(64, 1).toString('base64')}`

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A registry on the loopback; what it was asked is kept. */
async function registry(t: TestContext, answer: Answer) {
  const asked: { url: string; body: string }[] = []
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const bytes = Buffer.concat(parts)
    const isPacked = request.headers['content-encoding'] === 'gzip'
    asked.push({ url: request.url ?? '', body: String(isPacked ? gunzipSync(bytes) : bytes) })
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked }
}

/** A project of two packages for development, `outer` that depends on `inner`. */
function project(t: TestContext): string {
  const folder = temporaryDirectory(t)
  const manifest = { name: 'own', version: '1.0.0', devDependencies: { outer: '1.0.0' } }
  const packages = {
    '': manifest,
    'node_modules/outer': {
      version: '1.0.0',
      integrity,
      dev: true,
      dependencies: { inner: '^1.0.0' },
    },
    'node_modules/inner': { version: '1.0.0', integrity, dev: true },
  }
  const lock = { name: 'own', version: '1.0.0', lockfileVersion: 3, requires: true, packages }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock))
  return folder
}

type Settings = Readonly<Record<string, string>>

interface Told {
  readonly code: number
  readonly lines: readonly string[]
}

function audit(t: TestContext, url: string, settings: Settings = {}): Promise<Told> {
  const folder = project(t)
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    npm_config_registry: url,
    npm_config_fetch_retry_mintimeout: '10',
    npm_config_update_notifier: 'false',
    ...settings,
  }
  const args = ['--disable-warning=ExperimentalWarning', main, folder]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env, timeout: 60_000 }, (error, stdout) => {
      const code = typeof error?.code === 'number' ? error.code : 0
      resolve({ code, lines: stdout.trim().split('\n') })
    })
  })
}

const advisory = {
  id: 1,
  url: 'https://github.com/advisories/GHSA-0000-0000-0001',
  title: 'Inner opens what is sealed',
  severity: 'high',
  vulnerable_versions: '<1.0.1',
  cwe: ['CWE-200'],
  cvss: { score: 7.5, vectorString: null },
}

/** What npm asks for to see which versions are affected. */
function packument(name: string, versions: readonly string[]): string {
  const dependencies = name === 'outer' ? { inner: '^1.0.0' } : {}
  const each = versions.map((version) => [
    version,
    { name, version, dependencies, dist: { integrity, tarball: 'http://127.0.0.1:9/a.tgz' } },
  ])
  const latest = versions.at(-1)
  return JSON.stringify({ name, 'dist-tags': { latest }, versions: Object.fromEntries(each) })
}

function findings(fixed: readonly string[]): Answer {
  return ({ url }, response) => {
    response.setHeader('Content-Type', 'application/json')
    if (url === bulk) response.end(JSON.stringify({ inner: [advisory] }))
    else if (url === '/inner') response.end(packument('inner', ['1.0.0', ...fixed]))
    else if (url === '/outer') response.end(packument('outer', ['1.0.0']))
    else response.writeHead(404).end('{}')
  }
}

describe('npm run audit', { concurrency: 2 }, () => {
  for (const [fixed, fix] of [
    [[], 'none yet'],
    [['1.0.1'], 'npm update inner'],
  ] as const) {
    test(`names a finding and its fix (${fix}), and exits 1`, async (t) => {
      const { url, asked } = await registry(t, findings(fixed))
      const { code, lines } = await audit(t, url)
      assert.equal(code, 1)
      assert.deepEqual(lines, [
        `high  inner@1.0.0  ${advisory.title}  ${advisory.url}  fix: ${fix}`,
      ])
      const question = asked.find((one) => one.url === bulk)
      assert.deepEqual(JSON.parse(question?.body ?? ''), { inner: ['1.0.0'], outer: ['1.0.0'] })
    })
  }

  const weaker: readonly Settings[] = [
    { npm_config_offline: 'true' },
    { npm_config_audit: 'false' },
    { npm_config_omit: 'dev' },
    { NODE_ENV: 'production' },
  ]
  for (const settings of weaker) {
    test(`asks in spite of ${JSON.stringify(settings)}`, async (t) => {
      const { url } = await registry(t, findings([]))
      const { code, lines } = await audit(t, url, settings)
      assert.deepEqual([code, lines.length], [1, 1], lines.join('\n'))
    })
  }

  test('says so when nothing is known, and exits 0', async (t) => {
    const { url } = await registry(t, (_, response) => {
      response.setHeader('Content-Type', 'application/json').end('{}')
    })
    const { code, lines } = await audit(t, url)
    assert.deepEqual([code, lines], [0, ['no known vulnerabilities in 2 locked packages']])
  })

  const refusals: Readonly<Record<string, Answer>> = {
    'takes no POST': (_, response) => response.writeHead(405).end(),
    'does not know the question': (_, response) => response.writeHead(404).end('not here'),
    'asks for a login': (_, response) => response.writeHead(401).end('{}'),
    'is broken': (_, response) => response.writeHead(500).end('{"error":"no"}'),
    'answers with a page': (_, response) => response.writeHead(200).end('<html>hello</html>'),
    'hangs up': (request) => request.socket.destroy(),
  }
  for (const [what, answer] of Object.entries(refusals)) {
    test(`says unknown in one line, and exits 0, where the registry ${what}`, async (t) => {
      const { url } = await registry(t, answer)
      const { code, lines } = await audit(t, url)
      assert.equal(code, 0)
      assert.equal(lines.length, 1)
      assert.match(lines[0] ?? '', /^unknown: the registry could not be asked .*\(.+\)$/)
    })
  }

  test('says unknown where there is no registry', async (t) => {
    const { code, lines } = await audit(t, 'http://127.0.0.1:9/')
    assert.equal(code, 0)
    assert.match(lines.join('\n'), /^unknown: .*ECONNREFUSED/)
  })
})

describe('a report', () => {
  const told = (report: unknown) => readAudit(JSON.stringify(report), {})

  test('of a kind that is not known says nothing', () => {
    const kinds = [{ auditReportVersion: 3, vulnerabilities: {} }, { auditReportVersion: 2 }, [], 1]
    for (const report of [...kinds, null, 'none']) assert.equal(told(report).kind, 'unknown')
    for (const text of ['', 'npm error', '{']) assert.equal(readAudit(text, {}).kind, 'unknown')
  })

  test('that names packages but no advisory is not taken for a clean one', () => {
    const vulnerabilities = { a: { name: 'a', severity: 'high', via: ['b'] } }
    assert.equal(told({ auditReportVersion: 2, vulnerabilities }).kind, 'unknown')
  })

  test('lists the worst first, and how each is mended', () => {
    const one = (name: string, severity: string, fixAvailable: unknown) => ({
      name,
      via: [{ title: 't', url: 'u', severity }, 'other'],
      nodes: [`node_modules/${name}`],
      fixAvailable,
    })
    const vulnerabilities = {
      a: one('a', 'low', true),
      b: one('b', 'critical', { name: 'top', version: '2.0.0', isSemVerMajor: true }),
      c: one('c', 'moderate', false),
      d: one('d', 'dreadful', false),
    }
    const audit = told({ auditReportVersion: 2, vulnerabilities })
    assert.ok(audit.kind === 'found')
    assert.deepEqual(
      audit.findings.map(({ package: name, fix }) => [name, fix]),
      [
        ['d', 'none yet'],
        ['b', 'top@2.0.0'],
        ['c', 'none yet'],
        ['a', 'npm update a'],
      ],
    )
  })

  test('keeps a reason to one short line', () => {
    const audit = told({ message: `refused\n${'a'.repeat(1_000)}` })
    assert.ok(audit.kind === 'unknown')
    assert.ok(audit.why.startsWith('refused a') && audit.why.length === 200)
  })
})
