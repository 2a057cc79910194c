/**
 * The only reader of the environment: one frozen Config, or every mistake at once. A mistake names
 * the setting and what is expected, and never repeats a value: it could be a secret in the wrong place.
 */
import { dirname, join } from 'node:path'
import type { LogLevel } from '../core/log.ts'
import type { EmbedderSettings } from '../models/embedder.ts'
import type { LanguageModelSettings } from '../models/language-model.ts'
import type { PostgresTarget } from '../storage/postgres-connection.ts'
import { type RateBudgets, withBudgets } from '../throttles/budgets.ts'
import type { RedisTarget } from '../throttles/redis.ts'
import { combinationMistakes } from './combinations.ts'
import { readSettingsFile, type SettingsFile } from './file.ts'
import { isLoopback } from './loopback.ts'
import { mebibyte, settings, type Values } from './settings.ts'
import { type Environment, type Flags, findSetting, type Reading, readSettings } from './sources.ts'

/** What a server, `init` and `keys recover` are told. */
export interface Config {
  /** In production the server refuses to start with settings that are not safe. */
  readonly mode: 'development' | 'production'
  readonly dataDir: string
  readonly host: string
  readonly port: number
  /** Where the server is reached from outside, without a trailing slash; null: host and port. */
  readonly publicUrl: string | null
  readonly tls: TlsConfig | null
  /** A listener for plain HTTP that only redirects to HTTPS. */
  readonly redirectPort: number | null
  /** Addresses and networks of the proxies whose word on a client's address is taken. */
  readonly trustedProxies: readonly string[]
  /** Exact origins; none: no page of another site may call from a browser. */
  readonly corsOrigins: readonly string[]
  /** Whether `/docs` and `/openapi.json` are served. */
  readonly docs: boolean
  /** `host`, `host:port` or `*.domain`: what the server itself may call; none: nothing. */
  readonly egressAllow: readonly string[]
  /** The root key as base64, or the file that holds it; a file is made by `init` when absent. */
  readonly rootKey: { readonly text: string } | { readonly file: string }
  /** The signed record of destroyed keys; beside the root key by default. */
  readonly tombstonesFile: string
  /** PostgreSQL; null: SQLite in the data directory. */
  readonly database: DatabaseConfig | null
  /** What makes vectors; null: recall goes by words alone. */
  readonly embedder: EmbedderSettings | null
  /** What writes summaries; null: there are none. */
  readonly languageModel: LanguageModelSettings | null
  /** What nodes share their limits in; null: each counts for itself. */
  readonly redis: RedisTarget | null
  /** Every budget, those of the settings in their place. */
  readonly rateBudgets: RateBudgets
  readonly logLevel: LogLevel
  /** RAM for search indexes, bytes. */
  readonly indexes_bytes_max: number
}

export interface TlsConfig {
  readonly certFile: string
  readonly keyFile: string
  /** The authority of client certificates; null: none are asked for. */
  readonly clientCaFile: string | null
}

/** Without `sslmode` in its URL: `tls` is what became of it, and nothing else decides. */
export type DatabaseConfig = PostgresTarget

/** What the commands are told that speak to a running server. */
export interface RemoteConfig {
  /** Without a trailing slash. */
  readonly url: string
  readonly apiKey: string
}

/** What is wrong with the settings, one line each; the value of none of them is in it. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.name = 'ConfigError'
    this.mistakes = mistakes
  }
}

/** The settings of a server, and what each was made of. */
export interface ServerSettings {
  readonly config: Config
  readonly reading: Reading
  /** The settings file that was read; null when there is none. */
  readonly file: string | null
}

const ownFile = './locket.toml'

/** The settings of a server: flags, else environment, else file, else default. Throws `ConfigError`. */
export function readConfig(flags: Flags, env: Environment = process.env): Config {
  return readServerSettings(flags, env).config
}

/** As `readConfig`, with the source of every value. Throws `ConfigError`. */
export function readServerSettings(flags: Flags, env: Environment = process.env): ServerSettings {
  const file = openFile(flags, env)
  const reading = readSettings({ flags, env, file })
  const mistakes = [...reading.unknown, ...combinationMistakes(reading), ...reading.wrong]
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return { config: assemble(reading.values), reading, file: file?.path ?? null }
}

/**
 * The settings of a command that speaks to a server. No file is read: one that lies in a directory
 * by accident could send the key elsewhere. Throws `ConfigError`.
 */
export function readRemoteConfig(env: Environment = process.env): RemoteConfig {
  const { values, unknown, wrong } = readSettings({ flags: {}, env, file: null })
  const { url = '', apiKey } = values
  const missing =
    env['LOCKET_API_KEY'] === undefined ? ['LOCKET_API_KEY: set it to your API key'] : []
  const mistakes = [...unknown, ...wrong, ...missing, ...plainRemote(url)]
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return Object.freeze({ url, apiKey: apiKey ?? '' })
}

/** In every mode: who reads the key on its way has it for as long as it lives. */
function plainRemote(url: string): readonly string[] {
  if (!url.startsWith('http:') || isLoopback(new URL(url).hostname)) return []
  return [`${settings.url.env}: http to another machine shows your key on the way: use https`]
}

/** Whether stacks may be shown, also when the settings as a whole are not right. */
export function isDebug(env: Environment = process.env): boolean {
  return env[settings.logLevel.env] === 'debug'
}

function openFile(flags: Flags, env: Environment): SettingsFile | null {
  const named = findSetting(settings.config, { flags, env, file: null })
  if (named === null) return readSettingsFile(ownFile, null)
  const path = settings.config.schema.safeParse(named.text)
  return path.success ? readSettingsFile(path.data, named.label) : null
}

/** Puts values that are right, alone and together, into the form that the program asks for. */
function assemble(values: Values): Config {
  const { dataDir = '', host = '', port = 0, logLevel = 'info', indexMemory = 0 } = values
  const { mode = 'development', publicUrl = null, redirectPort = null } = values
  const rootKeyFile = values.rootKeyFile ?? join(dataDir, 'root.key')
  return Object.freeze({
    mode,
    dataDir,
    host,
    port,
    publicUrl,
    tls: tlsOf(values),
    redirectPort,
    trustedProxies: Object.freeze(values.trustedProxies ?? []),
    corsOrigins: Object.freeze(values.corsOrigins ?? []),
    docs: values.docs ?? mode === 'development',
    egressAllow: Object.freeze(values.egressAllow ?? []),
    rootKey: Object.freeze(
      values.rootKey === undefined ? { file: rootKeyFile } : { text: values.rootKey },
    ),
    tombstonesFile: values.tombstonesFile ?? join(dirname(rootKeyFile), 'tombstones'),
    database: databaseOf(values),
    embedder: embedderOf(values),
    languageModel: languageModelOf(values),
    redis: redisOf(values),
    rateBudgets: Object.freeze(withBudgets(values.rateLimits ?? [])),
    logLevel,
    indexes_bytes_max: indexMemory * mebibyte,
  })
}

function tlsOf(values: Values): TlsConfig | null {
  const { tlsCert, tlsKey, tlsClientCa = null } = values
  if (tlsCert === undefined || tlsKey === undefined) return null
  return Object.freeze({ certFile: tlsCert, keyFile: tlsKey, clientCaFile: tlsClientCa })
}

function redisOf(values: Values): RedisTarget | null {
  const { redisUrl, redisPasswordFile = null, redisCa = null } = values
  if (redisUrl === undefined) return null
  return Object.freeze({ url: redisUrl.url, passwordFile: redisPasswordFile, caFile: redisCa })
}

function languageModelOf(values: Values): LanguageModelSettings | null {
  const { languageModelUrl, languageModelName, languageModelKeyFile = null } = values
  if (languageModelUrl === undefined || languageModelName === undefined) return null
  return Object.freeze({
    baseUrl: languageModelUrl,
    model: languageModelName,
    keyFile: languageModelKeyFile,
    timeout_ms: values.languageModelTimeout ?? 0,
  })
}

function embedderOf(values: Values): EmbedderSettings | null {
  const { embedderUrl, embedderModel, embedderDimensions, embedderKeyFile = null } = values
  if (embedderUrl === undefined || embedderModel === undefined) return null
  return Object.freeze({
    baseUrl: embedderUrl,
    model: embedderModel,
    dimensions: embedderDimensions ?? 0,
    shorten: values.embedderShorten ?? false,
    keyFile: embedderKeyFile,
    timeout_ms: values.embedderTimeout ?? 0,
    calls_max: values.embedderCalls ?? 0,
  })
}

/** Plain text only where it stays on this machine and nobody asked for more, or where it was spelled out. */
function databaseOf(values: Values): DatabaseConfig | null {
  const { databaseUrl, databasePasswordFile = null, databaseCa = null } = values
  if (databaseUrl === undefined) return null
  const { url, isLocal, sslmode } = databaseUrl
  const isPlain = sslmode === 'disable' || (sslmode === null && isLocal && databaseCa === null)
  return Object.freeze({
    url,
    passwordFile: databasePasswordFile,
    caFile: databaseCa,
    tls: isPlain ? 'off' : 'verify',
    connections_max: values.databaseConnections ?? 0,
    statement_ms_max: values.databaseStatementTimeout ?? 0,
  })
}
