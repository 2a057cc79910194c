/**
 * All secrets of a process, each under the setting that names it. One value is kept for each setting
 * and no more: what a server keeps is read once at the start, again every few minutes, and when it
 * does not do; files and variables are read whenever they are asked for.
 */
import { stopwatch } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { type AwsSettings, createAwsReader } from './aws.ts'
import type { Reference } from './reference.ts'
import { type ReadSecret, type Secret, SecretUnavailable } from './secret.ts'
import { SecretError } from './secret-error.ts'
import { readSecretFile } from './secret-file.ts'
import { createVaultReader, type VaultSettings } from './vault.ts'

export interface SecretsOptions {
  /** The environment of the process. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Null: none is named, and nothing refers to it. */
  readonly vault: VaultSettings | null
  readonly aws: AwsSettings | null
  /** How often what servers keep is read anew. */
  readonly refresh_ms: number
  /** Made when there is something to say. */
  readonly log: () => Log
  /** What tests replace. */
  readonly bounds?: Partial<SecretsBounds>
}

export interface SecretsBounds {
  readonly start_ms: number
  readonly renew_interval_ms: number
}

/** A secret as it can be had now. */
export interface Seen {
  readonly secret: Secret
  /** Null: it can be had. */
  readonly fault: string | null
}

export interface Secrets {
  /** The secret of a setting; nothing is read yet. */
  declare(label: string, reference: Reference): Secret
  /** Reads every one, and again from time to time. Throws an error that names all that are not to be had. */
  start(): Promise<void>
  stop(): void
  /** Looks whether each can be had, past what is kept; `local`: those alone for which nobody is called. */
  look(which: 'all' | 'local'): Promise<readonly Seen[]>
}

const defaultBounds: SecretsBounds = {
  start_ms: limits.secretsStart_timeout_ms,
  renew_interval_ms: limits.secretRenew_interval_ms,
}

interface Kept {
  readonly secret: Secret
  readonly reference: Reference
  /** Reads it where it is. Throws `SecretError`. */
  readonly find: ReadSecret
  readonly refresh: () => Promise<string>
}

export function createSecrets(options: SecretsOptions): Secrets {
  const bounds = { ...defaultBounds, ...options.bounds }
  const kept: Kept[] = []
  const find = finder(options)
  let timer: NodeJS.Timeout | undefined

  const refreshAll = async (): Promise<void> => {
    // What fails is logged, and the value stays.
    for (const one of kept) if (isRemote(one.reference)) await one.refresh().catch(() => undefined)
  }

  const stop = (): void => clearInterval(timer)

  return {
    declare: (label, reference) => {
      const one = keep({ label, reference, find: () => find(reference) }, { ...options, bounds })
      kept.push(one)
      return one.secret
    },
    start: async () => {
      await requireAll(kept, bounds.start_ms)
      stop()
      timer = setInterval(() => void refreshAll(), options.refresh_ms)
      timer.unref()
    },
    stop,
    look: (which) => {
      const looked = kept.filter(({ reference }) => which === 'all' || !isRemote(reference))
      return Promise.all(looked.map(look))
    },
  }
}

function isRemote({ kind }: Reference): boolean {
  return kind === 'vault' || kind === 'aws-sm'
}

/** Where each kind of reference leads. */
function finder({ env, vault, aws, log }: SecretsOptions): (where: Reference) => Promise<string> {
  const readVault = vault && createVaultReader(vault, log)
  const readAws = aws && createAwsReader(aws, log)
  const found = async (where: Reference): Promise<string> => {
    if (where.kind === 'file') return readSecretFile(where.path)
    if (where.kind === 'env') return readVariable(env[where.name])
    const answer = where.kind === 'vault' ? readVault?.(where) : readAws?.(where)
    if (answer === undefined) throw new SecretError('failed', 'no server is named')
    return answer
  }
  return async (where) => checked(await found(where))
}

function readVariable(value: string | undefined): string {
  if (value === undefined) throw new SecretError('absent')
  return value
}

function checked(value: string): string {
  if (value === '') throw new SecretError('empty')
  if (Buffer.byteLength(value) > limits.secret_bytes_max) throw new SecretError('too_large')
  return value
}

interface Declared {
  readonly label: string
  readonly reference: Reference
  readonly find: ReadSecret
}

function keep(
  { label, reference, find }: Declared,
  { log, bounds }: SecretsOptions & { bounds: SecretsBounds },
): Kept {
  const named = { label, reference: reference.text }
  let value: string | null = null
  let fault: string | null = null
  let pending: Promise<string> | null = null
  let renewed_ms = Number.NEGATIVE_INFINITY

  const load = async (): Promise<string> => {
    try {
      const found = await find()
      if (fault !== null) log().info(named, 'a secret can be read again')
      if (value !== null && value !== found) log().info(named, 'a secret has changed')
      fault = null
      value = found
      return found
    } catch (thrown) {
      const error = asError(thrown)
      if (value === null) throw new SecretUnavailable(named, error)
      // The next look would say the same.
      if (fault !== error.message) {
        log().warn(
          { ...named, reason: error.message },
          'a secret cannot be read anew; the last stays',
        )
      }
      fault = error.message
      return value
    }
  }

  const refresh = (): Promise<string> => {
    pending ??= load().finally(() => {
      pending = null
    })
    return pending
  }

  const secret: Secret = {
    ...named,
    isLocal: !isRemote(reference),
    read: async () => (isRemote(reference) && value !== null ? value : refresh()),
    renew: async () => {
      const isRecent = stopwatch() - renewed_ms < bounds.renew_interval_ms
      // What is being looked up at this moment is waited for: the value that there is was just refused.
      if (value !== null && isRecent && pending === null) return value
      renewed_ms = stopwatch()
      return refresh()
    },
  }
  return { secret, reference, find, refresh }
}

function asError(thrown: unknown): Error {
  return thrown instanceof SecretError ? thrown : new SecretError('failed')
}

async function look({ secret, find }: Kept): Promise<Seen> {
  try {
    await find()
    return { secret, fault: null }
  } catch (thrown) {
    return { secret, fault: asError(thrown).message }
  }
}

/** All at once, so that the slowest says how long it takes. */
async function requireAll(kept: readonly Kept[], start_ms: number): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new SecretError('timeout')), start_ms)
  try {
    const outcomes = await Promise.all(
      kept.map(({ secret }) =>
        Promise.race([secret.read(), late.promise]).then(
          () => [],
          (thrown) => [messageOf(secret, thrown)],
        ),
      ),
    )
    const faults = outcomes.flat()
    if (faults.length > 0) throw new Error(faults.join('; '))
  } finally {
    clearTimeout(timer)
  }
}

function messageOf(secret: Secret, thrown: unknown): string {
  if (thrown instanceof SecretUnavailable) return thrown.message
  return new SecretUnavailable(secret, asError(thrown)).message
}
