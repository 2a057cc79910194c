/** Every bench still runs: each at a tiny size, as who looks for its figures would start it. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { logLogChart } from '../bench/plot.ts'
import type { Verdict } from '../bench/results.ts'
import { mannWhitney, welch } from '../bench/statistics.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const root = join(import.meta.dirname, '..')
const main = join(root, 'bench/main.ts')
const peersAreInstalled = existsSync(join(root, 'bench/peers/node_modules/mem0ai'))

interface Ran {
  readonly said: string
  readonly kept: { readonly figures: Record<string, unknown>; readonly verdicts: Verdict[] }
  /** Another file that it left beside its results. */
  file(name: string): string
}

/** Runs a bench with its results in a directory of the test. */
async function bench(t: TestContext, name: string, args: readonly string[]): Promise<Ran> {
  const directory = temporaryDirectory(t)
  const node = ['--disable-warning=ExperimentalWarning', main, name, '--results', directory]
  const { stdout } = await promisify(execFile)(process.execPath, [...node, ...args], {
    cwd: root,
    timeout: 120_000,
  })
  const file = (of: string): string => readFileSync(join(directory, of), 'utf8')
  assert.equal(file(`${name}.txt`), stdout)
  return { said: stdout, kept: JSON.parse(file(`${name}.json`)), file }
}

test('a chart has logarithmic axes, names its lines and takes any name', () => {
  const points = [1, 10, 100].map((x) => ({ x, y: x / 10 }))
  const chart = {
    title: 'a < b',
    xLabel: 'memories',
    yLabel: 'ms',
    series: [{ name: 'one', points }],
  }
  const svg = logLogChart(chart)
  const at = (axis: string): number[] =>
    [...svg.matchAll(new RegExp(`<circle ${axis}="([\\d.]+)"[^>]*r="3.5"`, 'g'))].map(([, value]) =>
      Number(value),
    )
  const [first = 0, second = 0, third = 0] = at('cx')
  assert.equal(svg.match(/r="3.5"/g)?.length, 3)
  assert.ok(second > first && Math.abs(third - second - (second - first)) < 0.2)
  assert.match(svg, /<text[^>]*>one<\/text>/)
  assert.match(svg, /<title>a &lt; b<\/title>/)
  for (const label of ['0.1', '1', '10', '100', 'memories', 'ms']) {
    assert.ok(svg.includes(`>${label}</text>`), label)
  }
})

test('two samples are compared by their ranks, and by their means', () => {
  const even = Array.from({ length: 200 }, (_, at) => (at * 37) % 200)
  assert.ok(Math.abs(mannWhitney(even, even)) < 1e-9 && Math.abs(welch(even, even)) < 1e-9)
  const later = even.map((value) => value + 40)
  assert.ok(mannWhitney(even, later) < -3 && welch(even, later) < -3)
  assert.equal(mannWhitney(later, even), -mannWhitney(even, later))
  // By hand: ranks 1.5, 1.5, 3 and 4, of which 1.5 and 4 are ours, so U is 2.5 of 4.
  assert.ok(Math.abs(mannWhitney([1, 3], [1, 2]) - 0.5 / Math.sqrt(20 / 12)) < 1e-9)
})

describe('a bench', { concurrency: true }, () => {
  test('compares Locket with its peers', {
    skip: !peersAreInstalled && 'the peers are not installed',
  }, async (t) => {
    const { said, kept } = await bench(t, 'peers', ['--memories', '60'])
    assert.equal(said.match(/^Locket +[\d.]+ ms +\d+ +[\d.]+ ms +\d+ +\d+ +\d+\.\d$/gm)?.length, 2)
    assert.match(said, /^mem0ai +[\d.]+ ms +\d+ +[\d.]+ ms/m)
    const measured = kept.verdicts.map(({ what }) => what.replace(/:.*/, ''))
    assert.ok(measured.includes('recall p50, fastest peer to Locket, without vectors'))
    assert.ok(kept.verdicts.every((verdict) => verdict.measured > 0))
  })

  test('lets a space grow, and many spaces share too little memory', async (t) => {
    const { said, kept, file } = await bench(t, 'scale', [
      ...['--max', '800', '--spaces', '12', '--each', '40', '--budget', '1'],
    ])
    assert.equal(said.match(/^800( +[\d.]+){5}$/gm)?.length, 2)
    assert.match(file('scale.svg'), /^<svg [\s\S]+recall[\s\S]+<\/svg>\n$/)
    const { cold, hot } = kept.figures['spaces'] as { cold: { p50: number }; hot: { p50: number } }
    assert.ok(cold.p50 > 0 && hot.p50 > 0)
  })

  test('opens a cold space from its snapshot and from its rows', async (t) => {
    const { kept } = await bench(t, 'cold', ['--memories', '600', '--rounds', '1'])
    const [opened] = kept.figures['opened'] as { cold_ms: number }[]
    const [rebuilt] = kept.figures['rebuilt'] as { cold_ms: number }[]
    assert.ok(opened && rebuilt && opened.cold_ms > 0 && rebuilt.cold_ms > 0)
  })

  test('looks whether time tells which accounts there are [V6.3.8]', async (t) => {
    const { kept } = await bench(t, 'accounts', ['--tries', '90', '--memory-kib', '32'])
    const { unknown, nowhere } = kept.figures as Record<string, { mannWhitney_z: number }>
    assert.ok(Number.isFinite(unknown?.mannWhitney_z) && Number.isFinite(nowhere?.mannWhitney_z))
    assert.equal(kept.verdicts.length, 2)
  })

  test('tells what it costs to know who is calling', async (t) => {
    const { said, kept } = await bench(t, 'auth', ['--calls', '64', '--rounds', '1'])
    for (const way of ['API key', 'JWT', 'sign-in']) {
      assert.match(said, new RegExp(`^${way} +\\d+ +\\d+ % +\\S+ +\\S+×$`, 'm'))
      assert.ok((kept.figures[way] as { ofLivez: number }).ofLivez > 0)
    }
    const checks = [...said.matchAll(/^(.+?) {2,}[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+×$/gm)]
    assert.deepEqual(
      checks.map(([, what]) => what),
      [
        ...['API key', 'JWT, seen before', 'JWT, first, own', 'JWT, first, of another node'],
        ...['and of a key not met yet', 'JWT, first, another’s, older', 'Ed25519 alone'],
      ],
    )
    const cpuOf = (what: string): number =>
      (kept.figures[`check: ${what}`] as { cpu: { p50: number } }).cpu.p50
    assert.ok(cpuOf('JWT, first, another’s, older') > cpuOf('Ed25519 alone'))
  })

  test('tells what traces cost', async (t) => {
    const { said, kept } = await bench(t, 'traces', [
      '--memories',
      '20',
      '--rounds',
      '1',
      '--calls',
      '3',
    ])
    for (const name of ['off', 'off too', '5 %', 'all']) {
      assert.match(said, new RegExp(`^${name} +\\d+ +-?[\\d.]+ %$`, 'm'))
      assert.ok((kept.figures[name] as { cpu_us: number }).cpu_us > 0)
    }
    assert.match(said, /^where nothing is traced: -?[\d.]+ µs of CPU for a request$/m)
  })

  test('tells what sealing, authorisation and audit add', async (t) => {
    const { said, kept } = await bench(t, 'tax', [
      ...['--memories', '100', '--rounds', '3', '--calls', '10'],
    ])
    assert.match(said, /^ {2}sealing +-?\d+ +-?\d+ %/m)
    const { whole, bare } = kept.figures['recall'] as Record<string, { cpu_us: number }>
    assert.ok(whole && bare && whole.cpu_us > 0 && bare.cpu_us > 0)
  })

  test('tells how long requests wait beside a purge', async (t) => {
    const { said, kept } = await bench(t, 'retention', ['--events', '600'])
    const { events, beside } = kept.figures['SQLite'] as { events: number; beside: { p50: number } }
    assert.ok(events >= 600 && beside.p50 > 0)
    assert.match(said, /^a transaction of the purge +\d+( +[\d.]+){5}$/m)
  })

  test('tells what the audit log costs, and how fast it is checked', async (t) => {
    const { said, kept } = await bench(t, 'audit', [
      ...['--events', '600', '--memories', '60', '--pairs', '1', '--rounds', '2'],
      ...['--calls', '32', '--warm-up', '32', '--people', '20'],
    ])
    for (const [work, clients] of [
      ['recall', '1 client'],
      ['recall', '32 clients'],
      ['store', '1 client'],
      ['store', '32 clients'],
    ]) {
      assert.match(said, new RegExp(`^${work}, ${clients}( +\\d+( +-?\\d+){2} %){3}$`, 'm'))
    }
    const { sequencing, verification } = kept.figures as Record<string, { perCpuSecond: number }>
    assert.ok(sequencing && sequencing.perCpuSecond > 0)
    assert.ok(verification && verification.perCpuSecond > 0)
    assert.equal(kept.verdicts.length, 6)
  })
})
