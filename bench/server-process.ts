/** Starts and ends the servers that benches measure. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What the program `bench/server.ts` is told. */
export interface ServerOptions {
  readonly directory: string
  readonly indexes_bytes_max?: number
  /** Whether the stub embedder is there; without it recall goes by words alone. */
  readonly embedder?: boolean
}

/** The first that it says. `key` is the administrator's when the directory was new. */
export interface Started {
  readonly url: string
  readonly key: string | null
}

/** What it says when it is asked what it holds. */
export interface Held {
  /** As the server accounts it. */
  readonly indexes_bytes: number
  /** Heap and buffers after a collection. */
  readonly memory_bytes: number
  readonly resident_bytes: number
}

export interface BenchServer extends Started {
  readonly pid: number
  held(): Promise<Held>
  end(): Promise<void>
}

const program = join(import.meta.dirname, 'server.ts')
const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc']
const start_ms_max = 60_000

/** A directory for the data of a bench; `remove` it when the bench is over. */
export function benchDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'locket-bench-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Starts a server. */
export async function startBenchServer(options: ServerOptions): Promise<BenchServer> {
  const args = [...flags, program, JSON.stringify(options)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const started = (await message(child)) as Started
  return {
    ...started,
    pid: child.pid ?? 0,
    held: () => {
      const answer = message(child) as Promise<Held>
      child.send('held')
      return answer
    },
    end: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** The next message of a child process. Fails when it ends first or says nothing for a minute. */
function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (): void => {
      child.kill('SIGKILL')
      reject(new Error('the server of the bench ended or said nothing'))
    }
    const patience = setTimeout(fail, start_ms_max)
    child.once('exit', fail)
    child.once('message', (said) => {
      clearTimeout(patience)
      child.off('exit', fail)
      resolve(said)
    })
  })
}
