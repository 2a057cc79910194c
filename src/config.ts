/**
 * The only reader of the environment: one frozen Config, or every mistake at once. A mistake names
 * the setting and what is expected, and never repeats a value: it could be a secret in the wrong place.
 */
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { fromBase64 } from './core/encoding.ts'
import { limits } from './core/limits.ts'
import type { LogLevel } from './core/log.ts'

/** What a server, `init` and `keys recover` are told. */
export interface Config {
  readonly dataDir: string
  readonly host: string
  readonly port: number
  /** Where the server is reached from outside, without a trailing slash; null: host and port. */
  readonly publicUrl: string | null
  /** The root key as base64, or the file that holds it; a file is made by `init` when absent. */
  readonly rootKey: { readonly text: string } | { readonly file: string }
  /** The signed record of destroyed keys; beside the root key by default. */
  readonly tombstonesFile: string
  readonly logLevel: LogLevel
  /** RAM for search indexes, bytes. */
  readonly indexes_bytes_max: number
}

/** What the commands are told that speak to a running server. */
export interface RemoteConfig {
  /** Without a trailing slash. */
  readonly url: string
  readonly apiKey: string
}

/** One setting. Reference pages and `--help` are made from these. */
export interface Setting<Value = unknown> {
  /** Null when a flag would show a secret to every process of the machine. */
  readonly flag: string | null
  readonly env: string
  /** Follows "expected": what a right value looks like. */
  readonly expects: string
  /** As a person would write it; null when there is none, or `fallback` says what stands in. */
  readonly default: string | null
  readonly fallback?: string
  readonly description: string
  readonly schema: z.ZodType<Value, string>
}

const mebibyte = 1024 * 1024
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const
const Path = z
  .string()
  .min(1)
  .refine((path) => !path.includes('\0'))
const Url = z
  .string()
  .refine(isBaseUrl)
  .transform((url) => url.replace(/\/+$/, ''))

/** Every setting there is. */
export const settings = {
  dataDir: setting({
    flag: 'data-dir',
    env: 'LOCKET_DATA_DIR',
    expects: 'a directory',
    default: './locket-data',
    description: 'Where everything is kept.',
    schema: Path,
  }),
  host: setting({
    flag: 'host',
    env: 'LOCKET_HOST',
    expects: 'a host name or an IP address',
    default: '127.0.0.1',
    description: 'The address to listen on.',
    schema: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$|^[0-9A-Fa-f:.]{2,45}(%\w+)?$/),
  }),
  port: setting({
    flag: 'port',
    env: 'LOCKET_PORT',
    expects: 'a port from 0 to 65535',
    default: '8080',
    description: 'The port to listen on; 0 takes any that is free.',
    schema: wholeNumber(0, 65_535),
  }),
  publicUrl: setting({
    flag: 'public-url',
    env: 'LOCKET_PUBLIC_URL',
    expects: 'an http or https URL without query or fragment',
    default: null,
    fallback: 'host and port',
    description: 'Where the server is reached from outside.',
    schema: Url,
  }),
  rootKey: setting({
    flag: null,
    env: 'LOCKET_ROOT_KEY',
    expects: '32 random bytes in base64 (44 characters): openssl rand -base64 32',
    default: null,
    description: 'The root key itself, instead of a file.',
    schema: z.string().refine((text) => fromBase64(text)?.length === 32),
  }),
  rootKeyFile: setting({
    flag: 'root-key-file',
    env: 'LOCKET_ROOT_KEY_FILE',
    expects: 'a file',
    default: null,
    fallback: 'root.key in the data directory',
    description: 'The file that holds the root key; it is made when it is not there.',
    schema: Path,
  }),
  tombstonesFile: setting({
    flag: 'tombstones-file',
    env: 'LOCKET_TOMBSTONES_FILE',
    expects: 'a file',
    default: null,
    fallback: 'beside the root key',
    description: 'The record of destroyed keys; keep it with the root key.',
    schema: Path,
  }),
  logLevel: setting({
    flag: 'log-level',
    env: 'LOCKET_LOG_LEVEL',
    expects: `one of ${logLevels.join(', ')}`,
    default: 'info',
    description: 'How much is said on standard error.',
    schema: z.enum(logLevels),
  }),
  indexMemory: setting({
    flag: 'index-memory',
    env: 'LOCKET_INDEX_MEMORY',
    expects: 'whole MiB from 16 to 1048576',
    default: String(limits.indexes_bytes_max / mebibyte),
    description: 'RAM for search indexes, in MiB.',
    schema: wholeNumber(16, 1_048_576),
  }),
  url: setting({
    flag: null,
    env: 'LOCKET_URL',
    expects: 'an http or https URL without query or fragment',
    default: 'http://127.0.0.1:8080',
    description: 'Where the server is.',
    schema: Url,
  }),
  apiKey: setting({
    flag: null,
    env: 'LOCKET_API_KEY',
    expects: 'an API key (lk_…)',
    default: null,
    description: 'Your API key.',
    schema: z.string().regex(/^[\x21-\x7e]{1,1000}$/),
  }),
}

type Values = {
  readonly [Name in keyof typeof settings]?: z.output<(typeof settings)[Name]['schema']>
}

/** Values by the name of their flag. */
export type Flags = Readonly<Record<string, string>>
export type Environment = Readonly<Record<string, string | undefined>>

/** What is wrong with the settings, one line each; the value of none of them is in it. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.name = 'ConfigError'
    this.mistakes = mistakes
  }
}

/** The settings of a server: flags before environment before defaults. Throws `ConfigError`. */
export function readConfig(flags: Flags, env: Environment = process.env): Config {
  const { values, mistakes } = readSettings(flags, env)
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  const { dataDir = '', host = '', port = 0, logLevel = 'info', indexMemory = 0 } = values
  const rootKeyFile = values.rootKeyFile ?? join(dataDir, 'root.key')
  return Object.freeze({
    dataDir,
    host,
    port,
    publicUrl: values.publicUrl ?? null,
    rootKey: Object.freeze(
      values.rootKey === undefined ? { file: rootKeyFile } : { text: values.rootKey },
    ),
    tombstonesFile: values.tombstonesFile ?? join(dirname(rootKeyFile), 'tombstones'),
    logLevel,
    indexes_bytes_max: indexMemory * mebibyte,
  })
}

/** The settings of a command that speaks to a server. Throws `ConfigError`. */
export function readRemoteConfig(env: Environment = process.env): RemoteConfig {
  const { values, mistakes } = readSettings({}, env)
  const { url = '', apiKey } = values
  if (env['LOCKET_API_KEY'] === undefined) mistakes.push('LOCKET_API_KEY: set it to your API key')
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return Object.freeze({ url, apiKey: apiKey ?? '' })
}

/** The known word that `word` was most likely meant to be, as the end of a sentence, or nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const meant = [...known].find((one) => isNear(word, one))
  return meant === undefined ? '' : `; did you mean ${meant}?`
}

interface Given {
  /** What its giver calls it: `--port`, `LOCKET_PORT`. */
  readonly source: string
  readonly text: string
}

/** Reads all settings, also those that the command does not need: a mistake is told at once. */
function readSettings(flags: Flags, env: Environment): { values: Values; mistakes: string[] } {
  const mistakes = [...unknownFlags(flags), ...unknownVariables(env), ...twoRootKeys(flags, env)]
  const values: Record<string, unknown> = {}
  for (const [name, one] of Object.entries<Setting>(settings)) {
    const given = find(one, flags, env) ?? { source: 'the default', text: one.default }
    if (given.text === null) continue
    const parsed = one.schema.safeParse(given.text)
    if (parsed.success) values[name] = parsed.data
    else mistakes.push(`${given.source}: expected ${one.expects}`)
  }
  return { values: values as Values, mistakes }
}

/** The setting from the first source that has it. */
function find(one: Setting, flags: Flags, env: Environment): Given | null {
  const flag = one.flag === null ? undefined : flags[one.flag]
  if (flag !== undefined) return { source: `--${one.flag}`, text: flag }
  const variable = env[one.env]
  return variable === undefined ? null : { source: one.env, text: variable }
}

function unknownFlags(flags: Flags): string[] {
  const all = Object.values<Setting>(settings)
  const known = all.flatMap((one) => (one.flag === null ? [] : [`--${one.flag}`]))
  return Object.keys(flags)
    .map((flag) => `--${flag}`)
    .filter((flag) => !known.includes(flag))
    .map((flag) => `${flag}: there is no such flag${didYouMean(flag, known)}`)
}

function unknownVariables(env: Environment): string[] {
  const known = Object.values<Setting>(settings).map((one) => one.env)
  return Object.keys(env)
    .filter((name) => name.startsWith('LOCKET_') && !name.startsWith('LOCKET_TEST_'))
    .filter((name) => !known.includes(name))
    .map((name) => `${name}: there is no such setting${didYouMean(name, known)}`)
}

function twoRootKeys(flags: Flags, env: Environment): string[] {
  const text = find(settings.rootKey, flags, env)
  const file = find(settings.rootKeyFile, flags, env)
  return text && file ? [`${text.source} and ${file.source}: set one of the two, not both`] : []
}

function setting<Value>(declared: Setting<Value>): Setting<Value> {
  return declared
}

function wholeNumber(low: number, high: number): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.number().min(low).max(high))
}

function isBaseUrl(text: string): boolean {
  if (!/^https?:\/\/[^\s?#@]+$/.test(text)) return false
  return URL.canParse(text)
}

/** One letter more, less, other or elsewhere; `-`, `_` and case aside. */
function isNear(word: string, known: string): boolean {
  const shapes = shortened(known)
  return shortened(word).some((shape) => shapes.includes(shape))
}

/** A word, and what is left of it when one letter is taken out. */
function shortened(word: string): string[] {
  const letters = [...word.toLowerCase().replace(/[-_]/g, '')]
  return [letters.join(''), ...letters.map((_, at) => letters.toSpliced(at, 1).join(''))]
}

/** Whether stacks may be shown, also when the settings as a whole are not right. */
export function isDebug(env: Environment = process.env): boolean {
  return env[settings.logLevel.env] === 'debug'
}
