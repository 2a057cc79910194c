/** `start` and `serve`: a server from its first breath to its last. */
import { join } from 'node:path'
import { type App, createApp } from '../app.ts'
import { refuseBootstrapKeys } from '../bootstrap-keys.ts'
import type { Config } from '../config/config.ts'
import { refuseUnsafe } from '../config/safety.ts'
import { type SettingsTold, settingsTold } from '../config/settings-told.ts'
import { assert } from '../core/assert.ts'
import { second_ms, stopwatch } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import { createLog, type Log } from '../core/log.ts'
import { serveMetrics } from '../http/metrics.ts'
import { redirectBase, redirectTo } from '../http/redirect.ts'
import { isTaken, type Listener, listen } from '../http/server.ts'
import { type Bootstrap, type Instance, initialise, openInstance } from '../instance.ts'
import { snapshotsDirectory } from '../storage/snapshots.ts'
import { banner, keyLine } from './banner.ts'
import { type ExitCode, exitCodes, type LocalCall } from './command.ts'
import { print, printJson } from './output.ts'
import { version } from './version.ts'

/**
 * Serves until it is told to stop. With `create` a new Locket is made where there is none; its key
 * is shown even when the server then cannot start, since it is shown only once. In production
 * nothing is made: the key would be shown to whatever keeps the server's output.
 */
export async function serve(call: LocalCall, options: { create: boolean }): Promise<ExitCode> {
  await refuseUnsafe(call.settings)
  const isProduction = call.config.mode === 'production'
  const log = createLog(call.config.logLevel)
  logUnexpected(log)
  const stop = stopSignal(log)
  await call.config.secrets.start()
  const instance = await openInstance(call.config, {
    log,
    create: options.create && !isProduction,
  })
  let unseen: Bootstrap | null = null
  try {
    if (isProduction) await refuseBootstrapKeys(instance, call.settings)
    unseen = instance.initialised ? null : await initialise(instance)
    const announce = (port: number): void => {
      show(call, port, unseen)
      unseen = null
    }
    const settingsGiven = settingsTold(call.settings.reading)
    await serveInstance(call.config, { instance, settingsGiven, log, stop, announce })
  } catch (thrown) {
    if (unseen) print(keyLine(unseen.apiKey))
    throw thrown
  } finally {
    await instance.close()
    call.config.secrets.stop()
  }
  log.info('stopped')
  return exitCodes.done
}

interface Serving {
  readonly instance: Instance
  readonly settingsGiven: SettingsTold
  readonly log: Log
  readonly stop: Promise<void>
  /** Called once the server can be reached. */
  readonly announce: (port: number) => void
}

async function serveInstance(config: Config, serving: Serving): Promise<void> {
  const app = await createApp(serving.instance, {
    version,
    publicUrl: config.publicUrl,
    settingsGiven: serving.settingsGiven,
    listens: { port: config.port, tls: config.tls !== null },
    indexes_bytes_max: config.indexes_bytes_max,
    snapshotsDir: join(config.dataDir, snapshotsDirectory),
    trustedProxies: config.trustedProxies,
    corsOrigins: config.corsOrigins,
    docs: config.docs,
    egressAllow: config.egressAllow,
    traceSettings: config.traces,
    embedderSettings: config.embedder,
    languageModelSettings: config.languageModel,
    blockedAddresses: config.blockedAddresses,
    witnesses: config.witnesses,
    redis: config.redis,
    mailSettings: config.mail,
    auditSinks: config.auditSinks,
    rateBudgets: config.rateBudgets,
  })
  try {
    await serveApp(app, config, serving)
  } finally {
    await app.close()
  }
}

async function serveApp(app: App, config: Config, serving: Serving): Promise<void> {
  const { host, port, tls } = config
  const { log } = serving
  const main = await listen({ fetch: app.fetch, host, port, log, tls })
  let second: Listener | null = null
  let third: Listener | null = null
  try {
    third = await listenForMetrics(app, config, log)
    if (config.redirectPort !== null) second = await redirect(config, main.port, log)
    serving.announce(main.port)
    await serving.stop
  } finally {
    await Promise.all([main.close(), second?.close(), third?.close()])
  }
}

/** The listener for Prometheus. Null where there is to be none, or nobody has named a port and the usual one is taken. */
async function listenForMetrics(
  { pipeline }: App,
  { metrics: at, dataDir }: Config,
  log: Log,
): Promise<Listener | null> {
  if (at === null) return null
  const { host, port } = at
  const { metrics } = pipeline.services
  const bounds = { connections_max: limits.metricsConnections_max }
  metrics.watchProcess(dataDir)
  const fetch = serveMetrics(metrics, log)
  try {
    const listener = await listen({ fetch, host, port, log, anyPath: true, bounds })
    log.debug({ port: listener.port }, 'metrics')
    return listener
  } catch (thrown) {
    if (!at.isDefaultPort || !isTaken(thrown)) throw thrown
    log.warn({ host, port }, 'no metrics: another program listens there')
    return null
  }
}

/** The listener for plain HTTP that only tells where the server is. */
async function redirect(config: Config, mainPort: number, log: Log): Promise<Listener> {
  const { host, publicUrl, redirectPort } = config
  const base = redirectBase({ host, port: mainPort, publicUrl })
  assert(base !== null, 'a redirect without an address is a mistake in the settings')
  const listener = await listen({
    fetch: redirectTo(base),
    host,
    port: redirectPort ?? 0,
    log,
    anyPath: true,
    bounds: { connections_max: limits.redirectConnections_max },
  })
  log.info({ port: listener.port }, 'redirecting to https')
  return listener
}

function show({ config, json }: LocalCall, port: number, first: Bootstrap | null): void {
  const url = urlOf(config, port)
  const docs = config.docs ? `${config.publicUrl ?? url}/docs` : null
  if (json) printJson({ version, url, docs, dataDir: config.dataDir, ...first })
  else print(banner({ config, version, url, docs, first }))
}

function urlOf({ host, tls }: Config, port: number): string {
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
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
