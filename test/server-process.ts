/** A Locket in a process and a directory of its own, as an operator would start it. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const main = join(import.meta.dirname, '../src/main.ts')
const start_ms_max = 20_000
const env = { PATH: process.env['PATH'] ?? '', LOCKET_LOG_LEVEL: 'warn' }

/** A data directory that was initialised, and its first key. */
export interface Data {
  readonly directory: string
  readonly key: string
  /** Bytes of all its files. */
  size(): number
  remove(): void
}

export interface Server {
  readonly url: string
  /** Ends the server by its pid, as an operator would or as a crash does, and waits for it. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

export function initData(): Data {
  const directory = mkdtempSync(join(tmpdir(), 'locket-process-'))
  const args = [main, 'init', '--data-dir', directory, '--json']
  const init = execFileSync(process.execPath, args, { env, encoding: 'utf8' })
  return {
    directory,
    key: (JSON.parse(init) as { apiKey: string }).apiKey,
    size: () => sizeOf(directory),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** Serves a data directory on a free port of the loopback, and waits until it is ready. */
export async function startServer(data: Data): Promise<Server> {
  const port = await freePort()
  const args = [main, 'serve', '--data-dir', data.directory, '--port', String(port)]
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = `http://127.0.0.1:${port}`
  await untilReady(url)
  return {
    url,
    end: async (signal) => {
      child.kill(signal)
      await ended
    },
  }
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

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}

function sizeOf(directory: string): number {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
  return files
    .filter((file) => file.isFile())
    .reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0)
}
