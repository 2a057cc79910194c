/**
 * Who uses a database. Every process that has it open holds a shared lock on a connection of its
 * own, so that work which needs to be alone (a new root key, a move) can tell, and keep others out.
 * While that connection is lost the process takes no changes. That is told by a look each moment, so
 * it may be late; what is never late is `locket.enter()`, which every change begins with.
 */
import { Client } from 'pg'
import { LocketError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { presenceLock } from './migrations/postgres.ts'
import {
  clientOptions,
  connecting,
  type PostgresTarget,
  translated,
} from './postgres-connection.ts'

const again_ms = 500
const look_ms = 2_000
/** A look that takes longer is taken for a connection that is gone. */
const answer_ms_max = 5_000

export interface Presence {
  /** False while it is not certain that others know of this process. */
  readonly held: boolean
  end(): Promise<void>
}

export interface PresenceOptions {
  readonly target: PostgresTarget
  readonly log: Log
  /** Refuse to be there with others. */
  readonly alone: boolean
  /** Whether the data is still to be used, after others may have been alone with it. */
  readonly isUsable: () => Promise<boolean>
}

/** Throws `unavailable` when somebody who must be alone is there, or anybody for one who must be. */
export async function holdPresence(options: PresenceOptions): Promise<Presence> {
  const presence = new Holder(options)
  await presence.begin()
  return presence
}

class Holder implements Presence {
  readonly #options: PresenceOptions
  #client: Client | undefined
  #timer: NodeJS.Timeout | undefined
  #ended = false
  held = false

  constructor(options: PresenceOptions) {
    this.#options = options
  }

  async begin(): Promise<void> {
    const client = await this.#connect()
    this.#client = client
    this.held = true
    this.#lookSoon(client)
  }

  async end(): Promise<void> {
    this.#ended = true
    this.held = false
    clearTimeout(this.#timer)
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => undefined)
  }

  #lookSoon(client: Client): void {
    if (this.#ended) return
    this.#timer = setTimeout(() => void this.#look(client), look_ms).unref()
  }

  async #look(client: Client): Promise<void> {
    try {
      await client.query('SELECT 1')
      this.#lookSoon(client)
    } catch (error) {
      this.#lose(client, error)
    }
  }

  /** Once for each connection, however many ways it tells of its end. */
  #lose(client: Client, error: unknown): void {
    if (this.#client !== client || this.#ended) return
    this.#client = undefined
    this.held = false
    clearTimeout(this.#timer)
    client.end().catch(() => undefined)
    this.#options.log.warn({ err: error }, lost)
    this.#renewSoon()
  }

  #renewSoon(): void {
    if (!this.#ended) this.#timer = setTimeout(() => void this.#renew(), again_ms).unref()
  }

  async #renew(): Promise<void> {
    let client: Client | undefined
    try {
      client = await this.#connect()
      this.#client = client
      this.held = await this.#options.isUsable()
      if (this.#ended) return void (await client.end())
      if (!this.held) this.#options.log.fatal('the data was moved, or has another root key, since')
      this.#lookSoon(client)
    } catch (error) {
      this.#client = undefined
      client?.end().catch(() => undefined)
      this.#options.log.warn({ err: error }, lost)
      this.#renewSoon()
    }
  }

  #connect(): Promise<Client> {
    return connecting(this.#options.target, () => this.#connectOnce())
  }

  async #connectOnce(): Promise<Client> {
    const { target, alone } = this.#options
    const client = new Client({ ...clientOptions(target), query_timeout: answer_ms_max })
    client.on('error', (error) => this.#lose(client, error))
    client.once('end', () => this.#lose(client, undefined))
    try {
      await client.connect()
      const lock = alone ? 'pg_try_advisory_lock' : 'pg_try_advisory_lock_shared'
      const { rows } = await client.query(`SELECT ${lock}(${presenceLock}) AS held`)
      if (rows[0].held === true) return client
    } catch (error) {
      client.end().catch(() => undefined)
      throw translated(error)
    }
    await client.end()
    throw new LocketError('unavailable', alone ? inUse : taken)
  }
}

const lost =
  'this node has lost its place at the database; it changes nothing until it has it again'
const inUse = 'Another Locket uses this database: stop all of its nodes first.'
const taken = 'The database is being worked on by one who must be alone; try again later.'
