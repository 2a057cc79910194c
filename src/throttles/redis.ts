/**
 * The counters that nodes share, in Valkey or Redis. It is never waited for long nor relied on: where it
 * cannot be asked, each node counts for itself, which it does all the time anyway.
 */
import { readFileSync } from 'node:fs'
import type { createClient } from '@redis/client'
import { type Clock, stopwatch } from '../core/clock.ts'
import { Fault } from '../core/fault.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import type { Secret } from '../secrets/secret.ts'

/** Where a Valkey or Redis is. */
export interface RedisTarget {
  /** `redis[s]://[USER[:PASSWORD]@]HOST[:PORT][/NUMBER]`; `rediss` is TLS, certificate and name verified. */
  readonly url: string
  /** The password when the URL has none; read for each new connection. */
  readonly password: Secret | null
  /** The authority that signed its certificate; null: those that Node trusts. */
  readonly caFile: string | null
}

/** It cannot be asked now: it is away, slow, full or busy. */
export class Unreachable extends Fault {
  constructor() {
    super('the shared counters cannot be asked now')
  }
}

export interface SharedCounters {
  /** Runs a script on the keys, atomically. Rejects with `Unreachable`, within a bounded time. */
  run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>
  close(): void
}

/** The first word of the server's answer to a password that is not right. */
const wrongPassword = 'WRONGPASS'

type Client = ReturnType<typeof createClient>

/** Connects in the background, and again whenever the connection is lost. */
export function openRedis(target: RedisTarget, log: Log, clock: Clock = stopwatch): SharedCounters {
  return new Redis(target, log, clock)
}

class Redis implements SharedCounters {
  readonly #log: Log
  readonly #clock: Clock
  readonly #password: Secret | null
  #client: Client | null = null
  #closed = false
  #running = 0
  /** After a failure it is left alone until then, so that not every request waits for one. */
  #rests_until_ms = 0
  #isDown = false

  constructor(target: RedisTarget, log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
    this.#password = target.password
    this.#connect(target).catch((thrown: unknown) => this.#fail(thrown))
  }

  async run(
    script: string,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const client = this.#client
    const isResting = this.#clock() < this.#rests_until_ms
    const isFull = this.#running >= limits.sharedCalls_max
    if (!client?.isReady || isResting || isFull) throw new Unreachable()
    this.#running += 1
    try {
      const options = { keys: [...keys], arguments: args.map(String) }
      const answer = await inTime(client.eval(script, options))
      this.#isDown = false
      return answer
    } catch (thrown) {
      this.#fail(thrown)
      throw new Unreachable()
    } finally {
      this.#running -= 1
    }
  }

  close(): void {
    this.#closed = true
    if (this.#client?.isOpen) this.#client.destroy()
  }

  async #connect(target: RedisTarget): Promise<void> {
    const { createClient } = await import('@redis/client')
    if (this.#closed) return
    const client = createClient(optionsOf(target)) as Client
    client.on('error', (thrown: unknown) => this.#fail(thrown))
    client.on('ready', () => {
      if (this.#isDown) this.#log.info('the shared limits are reached again')
      this.#isDown = false
      this.#rests_until_ms = 0
    })
    this.#client = client
    await client.connect()
  }

  /** Said once, until it was reached again. A message could quote what was sent, so it is not told. */
  #fail(thrown: unknown): void {
    if (this.#closed) return
    this.#rests_until_ms = this.#clock() + limits.sharedRest_ms
    // It may have been replaced since it was read; the next connection has the new one.
    if (reasonOf(thrown) === wrongPassword) this.#password?.renew().catch(() => undefined)
    if (this.#isDown) return
    this.#isDown = true
    this.#log.warn(
      { reason: reasonOf(thrown) },
      'the shared limits cannot be reached: this node counts for itself',
    )
  }
}

/** Rejects when the answer takes longer than anybody should be kept waiting for it. */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Unreachable()), limits.sharedCall_timeout_ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/** What it says it is, `Redis 7.0.15`, by a connection of its own. Rejects with what went wrong. */
export function askRedis(target: RedisTarget): Promise<string> {
  return askOnce(target, async (client) => {
    const info = await inTime(client.info('server'))
    const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1]
    return valkey ? `Valkey ${valkey}` : `Redis ${/^redis_version:(\S+)/m.exec(info)?.[1] ?? ''}`
  })
}

/** Asks something by a connection of its own. Rejects with what went wrong. */
export async function askOnce<T>(
  target: RedisTarget,
  ask: (client: Client) => Promise<T>,
): Promise<T> {
  const { createClient } = await import('@redis/client')
  const options = optionsOf(target)
  const socket = { ...options?.socket, reconnectStrategy: false as const }
  const client = createClient({ ...options, socket } as typeof options) as Client
  // What goes wrong is what `connect` rejects with.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await ask(client)
  } finally {
    if (client.isOpen) client.destroy()
  }
}

/** `ECONNREFUSED`, or the first word of what the server answered: `WRONGPASS`, `OOM`. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'unknown'
  if (thrown instanceof Unreachable) return 'too slow'
  if ('code' in thrown && typeof thrown.code === 'string') return thrown.code
  return /^[A-Z]{2,20}\b/.exec(thrown.message)?.[0] ?? thrown.constructor.name
}

function optionsOf(target: RedisTarget): Parameters<typeof createClient>[0] {
  const url = new URL(target.url)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const common = {
    host,
    port: Number(url.port || 6379),
    connectTimeout: limits.sharedConnect_timeout_ms,
    // A server that says nothing for so long, although it is asked every second, is gone.
    socketTimeout: limits.sharedSilence_ms_max,
    reconnectStrategy: limits.sharedRest_ms,
  }
  const socket =
    url.protocol === 'rediss:'
      ? { ...common, ...verified(target.caFile), tls: true as const }
      : common
  return {
    socket,
    database: Number(url.pathname.slice(1) || 0),
    credentialsProvider: credentialsOf(url, target.password),
    // Nothing waits for a connection: who cannot ask at once goes without.
    disableOfflineQueue: true,
    commandsQueueMaxLength: 2 * limits.sharedCalls_max,
    pingInterval: limits.sharedPing_interval_ms,
    maintNotifications: 'disabled',
    disableClientInfo: true,
  }
}

function verified(caFile: string | null) {
  const ca = caFile === null ? {} : { ca: readFileSync(caFile, 'utf8') }
  return { ...ca, minVersion: 'TLSv1.2' as const, rejectUnauthorized: true }
}

function credentialsOf(url: URL, secret: Secret | null) {
  const name = decodeURIComponent(url.username)
  const credentials = async () => {
    const password = secret === null ? decodeURIComponent(url.password) : await secret.read()
    return { ...(name && { username: name }), ...(password && { password }) }
  }
  return { type: 'async-credentials-provider' as const, credentials }
}
