/** For tests: what keeps secrets, in a process of its own (`test/programs/secret-server.ts`). */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const program = join(import.meta.dirname, 'programs/secret-server.ts')

export interface SecretServer {
  readonly url: string
  /** How it behaves from now on; what is left out is as usual. Forgets what it was asked for. */
  behave(behaviour?: Readonly<Record<string, unknown>>): Promise<void>
  /** What it was asked for since. */
  seen(): Promise<readonly { readonly method: string; readonly path: string }[]>
  /** Ends the process: nobody listens any more. */
  down(): Promise<void>
  /** Starts a new one on the same port, which knows nothing of the one before. */
  up(): Promise<void>
}

/** Starts one; it is ended when the test, or all tests of the file, are over. */
export async function startSecretServer(t: {
  after(hook: () => unknown): void
}): Promise<SecretServer> {
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
    url,
    behave: async (behaviour = {}) => {
      await fetch(`${url}/control`, { method: 'POST', body: JSON.stringify(behaviour) })
    },
    seen: async () => (await fetch(`${url}/seen`)).json() as ReturnType<SecretServer['seen']>,
    down,
    up,
  }
}
