/** A Locket in a process and a directory of its own, as an operator would start it. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from '../src/storage/query.ts'
import { compiledOnce } from './compiled-once.ts'
import { engine } from './engine.ts'
import { freePort } from './free-port.ts'
import { newDatabase } from './postgres-cluster.ts'

const main = join(import.meta.dirname, '../src/main.ts')
const start_ms_max = 60_000
const env = {
  PATH: process.env['PATH'] ?? '',
  LOCKET_LOG_LEVEL: 'warn',
  LOCKET_METRICS: 'off',
  ...compiledOnce,
}

/** A data directory that was initialised, and its first key. */
export interface Data {
  readonly directory: string
  readonly key: string
  /** What `serve` is told besides the port. */
  readonly flags: readonly string[]
  /** Bytes of all its files; PostgreSQL's are not among them. */
  size(): number
  remove(): Promise<void>
}

export interface Server {
  readonly url: string
  /** Ends the server by its pid, as an operator would or as a crash does, and waits for it. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** The servers by the directories that they serve: hooks of a test may remove those first. */
const running = new Map<string, Server>()

/** On the engine that this run of the tests is about, unless told otherwise. */
export async function initData(on: Engine = engine): Promise<Data> {
  const directory = mkdtempSync(join(tmpdir(), 'locket-process-'))
  const database = on === 'postgres' ? await newDatabase() : null
  const flags = ['--data-dir', directory, ...(database ? ['--database-url', database.url] : [])]
  const init = execFileSync(process.execPath, [main, 'init', ...flags, '--json'], {
    env,
    encoding: 'utf8',
  })
  return {
    directory,
    key: (JSON.parse(init) as { apiKey: string }).apiKey,
    flags,
    size: () => sizeOf(directory),
    remove: async () => {
      await running.get(directory)?.end('SIGTERM')
      await database?.drop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Another node of the same Locket: a directory of its own, the same root key and database. */
export function addNode(data: Data): Data {
  const directory = mkdtempSync(join(tmpdir(), 'locket-node-'))
  const own = ['--data-dir', directory, '--tombstones-file', join(directory, 'tombstones')]
  const shared = ['--root-key-file', join(data.directory, 'root.key'), ...data.flags.slice(2)]
  return {
    ...data,
    directory,
    flags: [...own, ...shared],
    remove: async () => {
      await running.get(directory)?.end('SIGTERM')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Serves a data directory on a free port of the loopback, and waits until it is ready. */
export async function startServer(data: Data): Promise<Server> {
  const port = await freePort()
  const args = [main, 'serve', ...data.flags, '--port', String(port)]
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = `http://127.0.0.1:${port}`
  const server: Server = {
    url,
    end: async (signal) => {
      child.kill(signal)
      await ended
    },
  }
  running.set(data.directory, server)
  child.once('exit', () => running.delete(data.directory))
  try {
    await untilReady(url)
  } catch (error) {
    // Nobody else knows of it yet, and it would keep this process from ending.
    await server.end('SIGKILL')
    throw error
  }
  return server
}

async function untilReady(url: string): Promise<void> {
  const deadline = performance.now() + start_ms_max
  while (performance.now() < deadline) {
    const ready = await fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    )
    if (ready) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('the server did not become ready')
}

function sizeOf(directory: string): number {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
  return files
    .filter((file) => file.isFile())
    .reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0)
}
