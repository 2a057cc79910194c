/**
 * `npm run check`: types, lint and format, architecture, numbers. Each says one line; what is wrong is
 * printed below it; the exit code is 1 if anything is. No step stops the next: all mistakes at once.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { type Finding, readModules, runtimeDependencies } from '../architecture/modules.ts'
import { breachesOf, rules } from '../architecture/rules.ts'
import { measure } from './numbers.ts'

interface Outcome {
  readonly ok: boolean
  /** Said on the step's line. */
  readonly summary: string
  /** Said below it when the step failed. */
  readonly detail: string
}

interface Step {
  readonly name: string
  readonly run: () => Promise<Outcome>
}

const root = join(import.meta.dirname, '..', '..')
const bin = (name: string) => join(root, 'node_modules', '.bin', name)
const folders = ['src', 'test', 'bench']
const lintArguments = ['check', '--error-on-warnings', '--max-diagnostics=200', '--colors=off']
const running = new Set<ChildProcess>()

const steps: readonly Step[] = [
  { name: 'types', run: () => command(bin('tsc'), ['--noEmit', '-p', '.']) },
  { name: 'lint and format', run: () => command(bin('biome'), lintArguments) },
  { name: 'architecture', run: architecture },
  { name: 'numbers', run: numbers },
]

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of running) child.kill(signal)
    process.exit(1)
  })
}

process.exitCode = (await runAll()) ? 0 : 1

async function runAll(): Promise<boolean> {
  let ok = true
  for (const step of steps) {
    const started = performance.now()
    const outcome = await step.run().catch(failure)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    const verdict = outcome.ok ? 'ok    ' : 'FAILED'
    console.log(`${verdict} ${step.name.padEnd(16)} ${seconds.padStart(5)} s  ${outcome.summary}`)
    if (!outcome.ok) console.log(outcome.detail)
    ok &&= outcome.ok
  }
  return ok
}

/** A step that breaks down has failed; the others still have their say. */
function failure(thrown: unknown): Outcome {
  return { ok: false, summary: 'could not run', detail: String(thrown) }
}

/** Runs a program quietly; what it printed is the detail. */
async function command(program: string, args: readonly string[]): Promise<Outcome> {
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => output.push(text))
  }
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject).once('close', resolve)
  const code = await promise
  running.delete(child)
  return { ok: code === 0, summary: '', detail: output.join('') }
}

async function architecture(): Promise<Outcome> {
  const breaches = breachesOf(readModules(root, folders), runtimeDependencies(root))
  const summary = `${rules.length - breaches.length} of ${rules.length} rules hold`
  return { ok: breaches.length === 0, summary, detail: breaches.join('\n') }
}

async function numbers(): Promise<Outcome> {
  const found = measure(readModules(root, folders))
  const figures = [
    `${found.functions} functions (median ${found.functionLines_median} lines)`,
    `${found.files} files (median ${found.fileLines_median})`,
    `tests to source ${found.testRatio.toFixed(2)}`,
    ...found.warnings.map((warning) => `warning: ${warning}`),
  ]
  return {
    ok: found.breaches.length === 0,
    summary: figures.join(', '),
    detail: found.breaches.map(place).join('\n'),
  }
}

function place({ file, line, what }: Finding): string {
  return `  ${file}:${line}: ${what}`
}
