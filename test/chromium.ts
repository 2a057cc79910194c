/**
 * A real browser, driven over the DevTools protocol by what Node has itself. It runs without a window, on
 * files of its own, and reaches nothing but this machine.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export const program = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((file) =>
  existsSync(file),
)

/** Options of a test that needs it; one line says so without it. */
export const withChromium = {
  skip: program === undefined && 'Chromium is not installed (Debian: chromium)',
} as const

const start_ms_max = 30_000
const call_ms_max = 20_000

type Params = Readonly<Record<string, unknown>>
type Result = ReturnType<typeof JSON.parse>

export interface Page {
  /** A command of the protocol to this page. */
  send(method: string, params?: Params): Promise<Result>
  /** What JavaScript gives that runs in the page, its promise waited for. Throws what it throws. */
  evaluate(expression: string): Promise<Result>
  /** Opens an address, for which the browser is given this page instead of asking for one. */
  open(url: string, html: string): Promise<void>
}

const args = [
  '--headless=new',
  '--remote-debugging-port=0',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-dev-shm-usage',
  '--disable-extensions',
  '--disable-gpu',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
  // Its sandbox does not work for root, and nothing is opened here but pages of our own.
  '--no-sandbox',
]

/** Starts a browser with one page; both end with the test. */
export async function openPage(t: TestContext): Promise<Page> {
  assert.ok(program, 'Chromium is installed')
  const directory = mkdtempSync(join(tmpdir(), 'locket-chromium-'))
  const child = spawn(program, [...args, `--user-data-dir=${directory}`, 'about:blank'], {
    stdio: 'ignore',
    env: { PATH: process.env['PATH'] ?? '', HOME: directory },
  })
  t.after(async () => {
    await end(child)
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  })
  const socket = new WebSocket(await addressOf(directory, child))
  t.after(() => socket.close())
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', () => reject(new Error('no connection to Chromium')))
  })
  const wire = wireOf(socket)
  const { targetId } = await wire.send('Target.createTarget', { url: 'about:blank' })
  const { sessionId } = await wire.send('Target.attachToTarget', { targetId, flatten: true })
  return pageOf(wire, sessionId)
}

interface Wire {
  send(method: string, params?: Params, sessionId?: string): Promise<Result>
  on(method: string, hear: (params: Result) => void): void
}

function wireOf(socket: WebSocket): Wire {
  const waiting = new Map<
    number,
    { done: (result: Result) => void; fail: (error: Error) => void }
  >()
  const heard = new Map<string, (params: Result) => void>()
  let last = 0
  socket.addEventListener('message', ({ data }) => {
    const { id, method, params, result, error } = JSON.parse(String(data))
    if (id === undefined) return heard.get(method)?.(params)
    const call = waiting.get(id)
    waiting.delete(id)
    if (error) call?.fail(new Error(error.message))
    else call?.done(result)
  })
  return {
    on: (method, hear) => void heard.set(method, hear),
    send: (method, params = {}, sessionId = '') => {
      last += 1
      const id = last
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${method} took too long`)), call_ms_max)
        const settled =
          <T>(then: (value: T) => void) =>
          (value: T): void => {
            clearTimeout(timer)
            then(value)
          }
        waiting.set(id, { done: settled(resolve), fail: settled(reject) })
        socket.send(JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) }))
      })
    },
  }
}

function pageOf(wire: Wire, sessionId: string): Page {
  const send: Page['send'] = (method, params) => wire.send(method, params, sessionId)
  return {
    send,
    evaluate: async (expression) => {
      const asked = { expression, awaitPromise: true, returnByValue: true, userGesture: true }
      const { result, exceptionDetails } = await send('Runtime.evaluate', asked)
      if (exceptionDetails) {
        throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
      }
      return result.value
    },
    open: async (url, html) => {
      await send('Fetch.enable', { patterns: [{ urlPattern: url }] })
      const body = Buffer.from(html).toString('base64')
      const responseHeaders = [{ name: 'Content-Type', value: 'text/html' }]
      const loaded = new Promise<void>((resolve) => {
        wire.on('Page.loadEventFired', () => resolve())
      })
      wire.on('Fetch.requestPaused', ({ requestId }) => {
        void send('Fetch.fulfillRequest', { requestId, responseCode: 200, responseHeaders, body })
      })
      await send('Page.enable')
      await send('Page.navigate', { url })
      await loaded
      await send('Fetch.disable')
    },
  }
}

/** The browser writes down where it listens. */
async function addressOf(directory: string, child: ChildProcess): Promise<string> {
  const file = join(directory, 'DevToolsActivePort')
  const deadline = performance.now() + start_ms_max
  while (performance.now() < deadline && child.exitCode === null) {
    const [port, path] = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
    if (port && path) return `ws://127.0.0.1:${port}${path}`
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('Chromium did not start')
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}
