/**
 * `npm test [-- --OPTION=VALUE… FILE…]`: every test on SQLite and, where a cluster is given for it,
 * those that are about it once more on PostgreSQL. Ends with the sums of both.
 */
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, constants, tmpdir } from 'node:os'
import { join, normalize } from 'node:path'
import type { Engine } from '../src/storage/query.ts'
import { readModules } from './architecture/modules.ts'

const root = join(import.meta.dirname, '..')
const suite = ['src/**/*.test.ts', 'test/**/*.test.ts']
const cluster = 'LOCKET_TEST_POSTGRES_URL'

/**
 * Left to itself the runner would use a processor less. Files wait for disks, servers and other programs, and one
 * more has its turn meanwhile.
 */
const filesAtOnce = availableParallelism() + 1

/**
 * What stands before the pipeline, or beside it, and asks nothing of a database that others do not ask:
 * how requests are read, who gets in, how other servers are talked to. To run these once is enough: what
 * they do ask is asked of both engines with every operation, by the jobs, and by those that race.
 */
const beforeTheDatabase: readonly RegExp[] = [
  /^src\/(?:http|throttles|mail|crypto|cli|sinks)\//,
  /^test\/(?:tls\/|authentication|browsers|decisions|docs|egress|free-text|openings|passkeys|surface|snapshots|traces)/,
  /^src\/features\/(?:emails|factors|identity-providers|indexes|letters|passkeys)\//,
  /^src\/features\/(?:passwords|password-links|sign-ins)\//,
  /^test\/(?:import-export|log-lines|password-age|prometheus)/,
  /^test\/(?:identity-providers|id-tokens|provider-)/,
]

interface Ended {
  readonly failed: boolean
  /** The signal that we were told to end with. */
  readonly signal: NodeJS.Signals | null
  readonly totals: Totals
}

type Totals = ReadonlyMap<string, number>

const args = process.argv.slice(2)
const options = args.filter((arg) => arg.startsWith('-'))
const named = args.filter((arg) => !arg.startsWith('-'))
const files = globSync(named.length > 0 ? named : suite, { cwd: root })
  .map(normalize)
  .sort()
process.exitCode = await runAll()

async function runAll(): Promise<number> {
  if (files.length === 0) throw new Error(`there is no test in ${named.join(' ')}`)
  const sqlite = await runOn('sqlite', files)
  if (sqlite.signal) return 128 + constants.signals[sqlite.signal]
  if (!process.env[cluster]) {
    say(`PostgreSQL was skipped: ${cluster} is not set.`)
    return sqlite.failed ? 1 : 0
  }
  const again = withDatabase(files)
  if (again.length === 0) return sqlite.failed ? 1 : 0
  const postgres = await runOn('postgres', again)
  if (postgres.signal) return 128 + constants.signals[postgres.signal]
  say('\nSQLite and PostgreSQL:')
  for (const [word, number] of sqlite.totals) {
    say(`# ${word} ${number + (postgres.totals.get(word) ?? 0)}`)
  }
  return sqlite.failed || postgres.failed ? 1 : 0
}

/** The other test files that reach a database: that import, through whatever, what knows the engine. */
function withDatabase(all: readonly string[]): readonly string[] {
  const modules = readModules(root, ['src', 'test', 'bench'])
  const imports = new Map(
    modules.map(({ file, imports: of }) => [file, of.map((one) => one.target)]),
  )
  const reaching = new Set(['test/engine.ts', 'test/postgres-cluster.ts'])
  for (let before = 0; before < reaching.size; ) {
    before = reaching.size
    for (const [file, targets] of imports) {
      if (targets.some((target) => target && reaching.has(target))) reaching.add(file)
    }
  }
  const asksIt = (file: string): boolean => !beforeTheDatabase.some((one) => one.test(file))
  return all.filter((file) => reaching.has(file) && asksIt(file))
}

/** Runs the test runner, shows what it says, and reads the sums from a report of its own. */
async function runOn(engine: Engine, chosen: readonly string[]): Promise<Ended> {
  say(`\n${engine}: ${chosen.length} test files`)
  const directory = mkdtempSync(join(tmpdir(), 'locket-test-run-'))
  const report = join(directory, 'report.tap')
  const reporters = [
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...['--test-reporter=tap', `--test-reporter-destination=${report}`],
  ]
  const runner = [
    '--disable-warning=ExperimentalWarning',
    '--test',
    `--test-concurrency=${filesAtOnce}`,
  ]
  const child = spawn(process.execPath, [...runner, ...reporters, ...options, ...chosen], {
    cwd: root,
    stdio: 'inherit',
    // Each file is a process that loads the same modules: with the cache they are compiled once.
    env: {
      ...process.env,
      LOCKET_TEST_ENGINE: engine,
      NODE_COMPILE_CACHE: join(directory, 'compiled'),
    },
  })
  let told: NodeJS.Signals | null = null
  const forward = (signal: NodeJS.Signals): void => {
    told = signal
    child.kill(signal)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, forward)
  try {
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    return { failed: code !== 0, signal: told, totals: totalsOf(readFileSync(report, 'utf8')) }
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, forward)
    rmSync(directory, { recursive: true, force: true })
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** The last lines of a report in TAP: `# pass 12`. */
function totalsOf(report: string): Totals {
  const lines = report.matchAll(/^# (tests|suites|pass|fail|cancelled|skipped|todo) (\d+)$/gm)
  return new Map([...lines].map(([, word = '', number]) => [word, Number(number)]))
}
