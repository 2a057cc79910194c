/** The program as its users run it: a process of its own, with an environment that we choose. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { compiledOnce } from '../compiled-once.ts'

export const root = join(import.meta.dirname, '..', '..')
const main = join(root, 'src', 'main.ts')
const wait_ms = 30_000

export interface Surroundings {
  readonly cwd: string
  /** `LOCKET_…` variables; the tester's own are not passed on. */
  readonly env?: Readonly<Record<string, string>>
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly child: ChildProcessWithoutNullStreams
  /** What it has written so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** Waits until this many lines have come, or the end. */
  lines(count: number): Promise<readonly string[]>
  ended(): Promise<Ended>
}

/** Runs `locket ARGS` to its end. */
export async function locket(
  t: TestContext,
  args: readonly string[],
  around: Surroundings & { readonly stdin?: string },
): Promise<Ended> {
  const started = startLocket(t, args, around)
  started.child.stdin.end(around.stdin ?? '')
  return started.ended()
}

/** Starts `locket ARGS`; what is left of it when the test is over is killed. */
export function startLocket(
  t: TestContext,
  args: readonly string[],
  around: Surroundings,
): Started {
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', main, ...args]
  // Tests run beside each other, and there is one port 9090.
  const serves = args[0] === 'start' || args[0] === 'serve'
  const env = { ...(serves && { LOCKET_METRICS: 'off' }), ...around.env }
  return start(t, command, { ...around, env })
}

/** Starts any program; the first word is the program. */
export function start(
  t: TestContext,
  [program = '', ...args]: readonly string[],
  around: Surroundings,
): Started {
  const env = { ...cleanEnvironment(), ...compiledOnce, ...around.env }
  const child = spawn(program, args, { cwd: around.cwd, env, detached: false })
  const written = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text
    })
  }
  const closed = once(child, 'close')
  t.after(() => end(child))
  return {
    child,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    lines: (count) => firstLines(child, () => written.stdout, count),
    ended: async () => {
      const [code] = (await closed) as [number | null]
      return { code, ...written }
    },
  }
}

/** All but what would change what the program does. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(LOCKET|NODE|npm)_/.test(name) && name !== 'NO_COLOR',
  )
  return Object.fromEntries(kept)
}

async function firstLines(
  child: ChildProcess,
  text: () => string,
  count: number,
): Promise<readonly string[]> {
  const deadline = performance.now() + wait_ms
  while (text().split('\n').length <= count && child.exitCode === null) {
    if (performance.now() > deadline) throw new Error(`no ${count} lines came:\n${text()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return text().split('\n').slice(0, -1)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
