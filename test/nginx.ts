/** Starts the nginx of the documentation, in a directory and on ports of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { certificateFiles } from './deployment-files.ts'
import { freePort } from './free-port.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export const program = ['/usr/sbin/nginx', '/usr/bin/nginx'].find((file) => existsSync(file))
const sample = join(import.meta.dirname, '..', 'deploy', 'nginx.conf')
const wait_ms = 10_000

export interface Nginx {
  /** Where it speaks TLS, where it redirects from, and its certificate. */
  readonly port: number
  readonly plainPort: number
  readonly certificate: string
  /** What it wrote of each request, oldest first. */
  log(): readonly Passed[]
  /** All that it wrote, byte for byte: of requests, and of what went wrong. */
  written(): { readonly access: string; readonly error: string }
}

/** One request as nginx saw it; `upstream` is empty for one that it answered itself. */
export interface Passed {
  readonly address: string
  readonly method: string
  readonly path: string
  readonly status: string
  readonly upstream: string
}

/** The sample, with places that a test may use; fails when it lacks a line that is to be replaced. */
export async function startNginx(t: TestContext, locketPort: number): Promise<Nginx> {
  const directory = temporaryDirectory(t)
  const files = await certificateFiles(directory, 'locket.example')
  const [port, plainPort] = [await freePort(), await freePort()]
  const config = join(directory, 'nginx.conf')
  const access = join(directory, 'access.log')
  const error = join(directory, 'error.log')
  writeFileSync(config, adapted({ directory, files, port, plainPort, locketPort }))
  const args = ['-c', config, '-p', directory, '-e', join(directory, 'start.log')]
  execFileSync(program ?? 'nginx', ['-t', ...args], { stdio: 'pipe' })
  const child = spawn(program ?? 'nginx', [...args, '-g', 'daemon off;'], { stdio: 'ignore' })
  t.after(() => end(child))
  await untilOpen(plainPort)
  const log = (): readonly Passed[] => {
    const lines = readFileSync(access, 'utf8').split('\n').filter(Boolean)
    return lines.map((line) => JSON.parse(line) as Passed)
  }
  const written = () => ({
    access: readFileSync(access, 'utf8'),
    error: readFileSync(error, 'utf8'),
  })
  return { port, plainPort, certificate: files.cert, log, written }
}

interface Places {
  readonly directory: string
  readonly files: { readonly cert: string; readonly key: string }
  readonly port: number
  readonly plainPort: number
  readonly locketPort: number
}

function adapted({ directory, files, port, plainPort, locketPort }: Places): string {
  // The workers of a server that root starts are another user, who must get to these.
  chmodSync(directory, 0o755)
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => {
    mkdirSync(join(directory, kind))
    chmodSync(join(directory, kind), 0o777)
    return `${kind}_temp_path ${join(directory, kind)};`
  })
  const changes: readonly (readonly [string | RegExp, string])[] = [
    [/^user www-data;$/gm, process.getuid?.() === 0 ? 'user www-data;' : ''],
    ['worker_processes auto;', 'worker_processes 1;'],
    ['/run/nginx.pid', join(directory, 'nginx.pid')],
    ['/var/log/nginx/error.log', join(directory, 'error.log')],
    ['/var/log/nginx/access.log', join(directory, 'access.log')],
    ['http {\n', `http {\n${scratch.join('\n')}\n`],
    ['server 127.0.0.1:8080;', `server 127.0.0.1:${locketPort};`],
    ['listen 80 default_server;', `listen 127.0.0.1:${plainPort} default_server;`],
    ['listen 443 ssl default_server;', `listen 127.0.0.1:${port} ssl default_server;`],
    ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
    ['/etc/nginx/tls/locket.crt', files.cert],
    ['/etc/nginx/tls/locket.key', files.key],
  ]
  return changes.reduce(
    (text, [from, to]) => {
      const changed = text.replaceAll(from, to)
      if (changed === text && from !== changes[0]?.[0]) throw new Error(`${sample} lacks ${from}`)
      return changed
    },
    readFileSync(sample, 'utf8'),
  )
}

async function untilOpen(port: number): Promise<void> {
  for (const start_ms = performance.now(); performance.now() < start_ms + wait_ms; ) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port })
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('nginx did not start')
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}
