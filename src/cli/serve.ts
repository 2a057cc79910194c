/** `start` and `serve`: a server from its first breath to its last. */
import { type App, createApp } from '../app.ts'
import type { Config } from '../config.ts'
import { second_ms, stopwatch } from '../core/clock.ts'
import { createLog, type Log } from '../core/log.ts'
import { listen } from '../http/server.ts'
import { type Bootstrap, type Instance, initialise, openInstance } from '../instance.ts'
import { banner, keyLine } from './banner.ts'
import { type ExitCode, exitCodes, type LocalCall } from './command.ts'
import { print, printJson } from './output.ts'
import { version } from './version.ts'

/**
 * Serves until it is told to stop. With `create` a new Locket is made where there is none; its key
 * is shown even when the server then cannot start, since it is shown only once.
 */
export async function serve(call: LocalCall, options: { create: boolean }): Promise<ExitCode> {
  const log = createLog(call.config.logLevel)
  logUnexpected(log)
  const stop = stopSignal(log)
  const instance = await openInstance(call.config, { log, create: options.create })
  let unseen: Bootstrap | null = null
  try {
    unseen = instance.initialised ? null : await initialise(instance)
    const announce = (port: number): void => {
      show(call, port, unseen)
      unseen = null
    }
    await serveInstance(call.config, { instance, log, stop, announce })
  } catch (thrown) {
    if (unseen) print(keyLine(unseen.apiKey))
    throw thrown
  } finally {
    await instance.close()
  }
  log.info('stopped')
  return exitCodes.done
}

interface Serving {
  readonly instance: Instance
  readonly log: Log
  readonly stop: Promise<void>
  /** Called once the server can be reached. */
  readonly announce: (port: number) => void
}

async function serveInstance(config: Config, serving: Serving): Promise<void> {
  const app = await createApp(serving.instance, {
    version,
    publicUrl: config.publicUrl,
    indexes_bytes_max: config.indexes_bytes_max,
  })
  try {
    await serveApp(app, config, serving)
  } finally {
    await app.close()
  }
}

async function serveApp(app: App, config: Config, serving: Serving): Promise<void> {
  const { host, port } = config
  const server = await listen({ fetch: app.fetch, host, port, log: serving.log })
  try {
    serving.announce(server.port)
    await serving.stop
  } finally {
    await server.close()
  }
}

function show({ config, json }: LocalCall, port: number, first: Bootstrap | null): void {
  const url = urlOf(config, port)
  const docs = `${config.publicUrl ?? url}/docs`
  if (json) printJson({ version, url, docs, dataDir: config.dataDir, ...first })
  else print(banner({ config, version, url, docs, first }))
}

function urlOf({ host }: Config, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/**
 * Resolves at the first signal to stop. Whoever sends another has lost patience, and the process
 * ends at once. But npm passes on the Ctrl-C that the terminal has sent to us already, so what comes
 * within a second is the same signal heard twice.
 */
function stopSignal(log: Log): Promise<void> {
  return new Promise((resolve) => {
    let first_ms: number | null = null
    const heard = (signal: NodeJS.Signals): void => {
      if (first_ms === null) {
        first_ms = stopwatch()
        log.info({ signal }, 'stopping')
        resolve()
      } else if (stopwatch() - first_ms > second_ms) process.exit(exitCodes.failed)
    }
    process.on('SIGTERM', heard)
    process.on('SIGINT', heard)
  })
}

/** What nobody has caught goes to the log before the program's last handler ends it. */
function logUnexpected(log: Log): void {
  process.prependListener('uncaughtException', (error) => log.fatal({ err: error }, 'unexpected'))
}
