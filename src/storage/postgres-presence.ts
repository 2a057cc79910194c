/**
 * Who uses a database. Every process that has it open holds a shared lock on a connection of its
 * own, so that work which needs to be alone (a new root key, a move) can tell, and keep others out.
 * While that connection is lost the process may be thought gone, so it changes nothing until it has
 * the lock again.
 */
import { Client } from 'pg'
import { LocketError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { clientOptions, type PostgresTarget, reasonOf, translated } from './postgres-connection.ts'

/** "use" in ASCII, among the advisory locks of the database. */
const presenceLock = 0x757365
const again_ms = 500

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
    const client = await connect(this.#options)
    this.#client = client
    this.held = true
    client.on('error', (error) => this.#options.log.warn(reasonOf(error), lost))
    client.once('end', () => {
      this.held = false
      this.#renewSoon()
    })
  }

  async end(): Promise<void> {
    this.#ended = true
    clearTimeout(this.#timer)
    await this.#client?.end()
  }

  #renewSoon(): void {
    if (this.#ended) return
    this.#timer = setTimeout(() => void this.#renew(), again_ms).unref()
  }

  async #renew(): Promise<void> {
    const { log, isUsable } = this.#options
    try {
      await this.begin()
      if (this.#ended) return void (await this.end())
      this.held = await isUsable()
      if (!this.held) log.fatal('the data was moved elsewhere while this node was cut off')
    } catch (error) {
      log.warn({ err: error }, lost)
      this.#renewSoon()
    }
  }
}

const lost =
  'this node has lost its place at the database; it changes nothing until it has it again'

async function connect({ target, alone }: PresenceOptions): Promise<Client> {
  const client = new Client(clientOptions(target))
  try {
    await client.connect()
    const lock = alone ? 'pg_try_advisory_lock' : 'pg_try_advisory_lock_shared'
    const { rows } = await client.query(`SELECT ${lock}(${presenceLock}) AS held`)
    if (rows[0].held === true) return client
  } catch (error) {
    await client.end().catch(() => undefined)
    throw translated(error)
  }
  await client.end()
  throw new LocketError('unavailable', alone ? inUse : taken)
}

const inUse = 'Another Locket uses this database: stop all of its nodes first.'
const taken = 'The database is being worked on by one who must be alone; try again later.'
