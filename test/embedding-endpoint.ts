/** For tests: an embedding server in its own process (`test/programs/embedding-server.ts`). */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const program = join(import.meta.dirname, 'programs/embedding-server.ts')

export interface EmbeddingEndpoint {
  readonly port: number
  /** What a Locket is told: up to `/v1`. */
  readonly baseUrl: string
  /** The entry of the allow-list that opens it. */
  readonly allow: string
  /** How it behaves from now on; what is left out is as usual. Forgets its calls. */
  behave(behaviour?: Readonly<Record<string, unknown>>): Promise<void>
  /** Every text that it was ever sent, and the calls since `behave`. */
  seen(): Promise<{ seen: string[]; calls: { texts: number; at: number; dimensions: unknown }[] }>
  /** Ends the process: nobody listens any more. */
  down(): Promise<void>
  /** Starts a new one on the same port, which knows nothing of the one before. */
  up(): Promise<void>
}

/** Starts one; it is ended when the test is over. */
export async function startEmbeddingEndpoint(t: TestContext): Promise<EmbeddingEndpoint> {
  let child: ChildProcess | undefined
  let port = 0

  const up = async (): Promise<void> => {
    const started = spawn(process.execPath, [program, String(port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child = started
    const [line] = (await once(started.stdout, 'data')) as [Buffer]
    port = Number(line.toString())
  }
  const down = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  t.after(down)
  await up()

  const url = `http://127.0.0.1:${port}`
  return {
    port,
    baseUrl: `${url}/v1`,
    allow: url,
    behave: async (behaviour = {}) => {
      await fetch(`${url}/control`, { method: 'POST', body: JSON.stringify(behaviour) })
    },
    seen: async () => (await fetch(`${url}/seen`)).json() as ReturnType<EmbeddingEndpoint['seen']>,
    down,
    up,
  }
}
