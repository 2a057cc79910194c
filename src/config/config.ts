/**
 * The only reader of the environment: one frozen Config, or every mistake at once. A mistake names
 * the setting and what is expected, and never repeats a value: it could be a secret in the wrong place.
 */
import { dirname, join } from 'node:path'
import type { LogLevel } from '../core/log.ts'
import type { AuditSinkSettings } from '../features/audit-sinks/sinks.ts'
import type { Witness } from '../features/cosignatures/witness.ts'
import type { MailSettings } from '../mail/mailer.ts'
import type { EmbedderSettings } from '../models/embedder.ts'
import type { LanguageModelSettings } from '../models/language-model.ts'
import type { Secret } from '../secrets/secret.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { PostgresTarget } from '../storage/postgres-connection.ts'
import { type RateBudgets, withBudgets } from '../throttles/budgets.ts'
import type { RedisTarget } from '../throttles/redis.ts'
import type { TraceSettings } from '../tracing/tracing.ts'
import { combinationMistakes, keeperMistakes } from './combinations.ts'
import { readSettingsFile, type SettingsFile } from './file.ts'
import { isLoopback } from './loopback.ts'
import { defaultMetricsPort } from './metrics-settings.ts'
import { type SecretSettings, secretSettings } from './secrets.ts'
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
  /** The listener that metrics are asked of; null: there is none. */
  readonly metrics: MetricsConfig | null
  /** Where traces of requests are sent; null: nothing is traced. */
  readonly traces: TraceSettings | null
  /** Addresses and networks of the proxies whose word on a client's address is taken. */
  readonly trustedProxies: readonly string[]
  /** Exact origins; none: no page of another site may call from a browser. */
  readonly corsOrigins: readonly string[]
  /** Whether `/docs` and `/openapi.json` are served. */
  readonly docs: boolean
  /** `host`, `host:port` or `*.domain`: what the server itself may call; none: nothing. */
  readonly egressAllow: readonly string[]
  /** Where the root key is, or the file that holds it; a file is made by `init` when absent. */
  readonly rootKey: { readonly secret: Secret } | { readonly file: string }
  /** The signed record of destroyed keys; beside the root key by default. */
  readonly tombstonesFile: string
  /** PostgreSQL; null: SQLite in the data directory. */
  readonly database: DatabaseConfig | null
  /** What makes vectors; null: recall goes by words alone. */
  readonly embedder: EmbedderSettings | null
  /** What writes summaries; null: there are none. */
  readonly languageModel: LanguageModelSettings | null
  /** What takes mails; null: none are sent. */
  readonly mail: MailSettings | null
  /** Where audit events are shipped to. */
  readonly auditSinks: AuditSinkSettings
  /** Addresses and networks from which nothing is answered. */
  readonly blockedAddresses: readonly string[]
  /** Who cosigns the checkpoints of the audit logs; none: nobody. */
  readonly witnesses: readonly Witness[]
  /** What nodes share their limits in; null: each counts for itself. */
  readonly redis: RedisTarget | null
  /** Every budget, those of the settings in their place. */
  readonly rateBudgets: RateBudgets
  /** All secrets that the settings refer to. */
  readonly secrets: Secrets
  readonly logLevel: LogLevel
  /** RAM for search indexes, bytes. */
  readonly indexes_bytes_max: number
}

export interface MetricsConfig {
  readonly host: string
  readonly port: number
  /** Nobody has named the port: it is done without where another program has it. */
  readonly isDefaultPort: boolean
  /** It was said that only operators reach it, wherever it is. */
  readonly exposed: boolean
}

export interface TlsConfig {
  readonly certFile: string
  /** Where the key is; with `key` that is a reference. */
  readonly keyFile: string
  /** The private key, where it is more than a file; null: it is in `keyFile`. */
  readonly key: Secret | null
  /** The authority of client certificates; null: none are asked for. */
  readonly clientCaFile: string | null
}

/** Without `sslmode` in its URL: `tls` is what became of it, and nothing else decides. */
export type DatabaseConfig = PostgresTarget

/** What the commands are told that speak to a running server. */
export interface RemoteConfig {
  /** Without a trailing slash. */
  readonly url: string
  readonly apiKey: Secret
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
  return { config: assemble(reading, env), reading, file: file?.path ?? null }
}

/**
 * The settings of a command that speaks to a server. No file is read: one that lies in a directory
 * by accident could send the key elsewhere. Throws `ConfigError`.
 */
export function readRemoteConfig(env: Environment = process.env): RemoteConfig {
  const reading = readSettings({ flags: {}, env, file: null })
  const { values, unknown, wrong } = reading
  const { url = '' } = values
  const missing =
    env['LOCKET_API_KEY'] === undefined ? ['LOCKET_API_KEY: set it to your API key'] : []
  const keepers = keeperMistakes(reading, ['apiKey'])
  const mistakes = [...unknown, ...wrong, ...missing, ...plainRemote(url), ...keepers]
  const apiKey = mistakes.length > 0 ? null : secretSettings(reading, env).secret('apiKey')
  if (apiKey === null) throw new ConfigError(mistakes)
  return Object.freeze({ url, apiKey })
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
function assemble(reading: Reading, env: Environment): Config {
  const { values } = reading
  const { secrets, secret } = secretSettings(reading, env)
  const { dataDir = '', host = '', port = 0, logLevel = 'info', indexMemory = 0 } = values
  const { mode = 'development', publicUrl = null, redirectPort = null } = values
  const rootKeyFile = values.rootKeyFile ?? join(dataDir, 'root.key')
  const rootKey = secret('rootKey')
  return Object.freeze({
    mode,
    dataDir,
    host,
    port,
    publicUrl,
    tls: tlsOf(values, secret),
    redirectPort,
    metrics: metricsOf(values),
    traces: tracesOf(values),
    trustedProxies: Object.freeze(values.trustedProxies ?? []),
    corsOrigins: Object.freeze(values.corsOrigins ?? []),
    docs: values.docs ?? mode === 'development',
    egressAllow: Object.freeze(values.egressAllow ?? []),
    rootKey: Object.freeze(rootKey === null ? { file: rootKeyFile } : { secret: rootKey }),
    tombstonesFile: values.tombstonesFile ?? join(dirname(rootKeyFile), 'tombstones'),
    database: databaseOf(values, secret),
    embedder: embedderOf(values, secret),
    languageModel: languageModelOf(values, secret),
    mail: mailOf(values, secret),
    auditSinks: auditSinksOf(values, secret),
    blockedAddresses: Object.freeze(values.blockedAddresses ?? []),
    witnesses: Object.freeze(values.witnesses ?? []),
    redis: redisOf(values, secret),
    rateBudgets: Object.freeze(withBudgets(values.rateLimits ?? [])),
    secrets,
    logLevel,
    indexes_bytes_max: indexMemory * mebibyte,
  })
}

function metricsOf(values: Values): MetricsConfig | null {
  const { metrics = true, metricsHost = '', metricsPort, metricsExposed = false } = values
  if (!metrics) return null
  return Object.freeze({
    host: metricsHost,
    port: metricsPort ?? defaultMetricsPort,
    isDefaultPort: metricsPort === undefined,
    exposed: metricsExposed,
  })
}

function tracesOf({ traceEndpoint, traceSample, traceParents }: Values): TraceSettings | null {
  if (traceEndpoint === undefined) return null
  const parents = Object.freeze(traceParents ?? [])
  return Object.freeze({ endpoint: traceEndpoint, sample: traceSample ?? 0, parents })
}

function auditSinksOf(values: Values, secret: FindSecret): AuditSinkSettings {
  const { auditFile, auditFileSize = 0, auditFileKept = 0, auditQueue = 0 } = values
  return Object.freeze({
    file:
      auditFile === undefined
        ? null
        : { path: auditFile, size_bytes_max: auditFileSize * mebibyte, kept_max: auditFileKept },
    syslog: syslogOf(values, secret),
    webhook: webhookOf(values, secret),
    format: values.auditFormat ?? 'json',
    required: Object.freeze(values.auditRequired ?? []),
    queue_events_max: auditQueue,
  })
}

function syslogOf(values: Values, secret: FindSecret): AuditSinkSettings['syslog'] {
  const { auditSyslog, auditSyslogCa: caFile = null, auditSyslogCert: certFile } = values
  if (auditSyslog === undefined) return null
  const key = secret('auditSyslogKey')
  const client = certFile === undefined || key === null ? null : { certFile, key }
  return { ...auditSyslog, caFile, client }
}

function webhookOf(values: Values, find: FindSecret): AuditSinkSettings['webhook'] {
  const { auditWebhook: url, auditWebhookCa: caFile = null } = values
  const secret = find('auditWebhookSecret')
  return url === undefined || secret === null ? null : { url, secret, caFile }
}

type FindSecret = SecretSettings['secret']

function tlsOf(values: Values, secret: FindSecret): TlsConfig | null {
  const { tlsCert, tlsKey, tlsClientCa = null } = values
  if (tlsCert === undefined || tlsKey === undefined) return null
  const key = secret('tlsKey')
  const keyFile = typeof tlsKey === 'string' ? tlsKey : tlsKey.text
  return Object.freeze({ certFile: tlsCert, keyFile, key, clientCaFile: tlsClientCa })
}

function redisOf(values: Values, secret: FindSecret): RedisTarget | null {
  const { redisUrl, redisCa = null } = values
  if (redisUrl === undefined) return null
  return Object.freeze({ url: redisUrl.url, password: secret('redisPassword'), caFile: redisCa })
}

/** By the ports that RFC 8314 and RFC 6409 give to what takes messages; a relay has 25. */
const mailPorts: Readonly<Record<MailSettings['tls'], number>> = {
  implicit: 465,
  starttls: 587,
  off: 25,
}

function mailOf(values: Values, secret: FindSecret): MailSettings | null {
  const { smtpHost, smtpFrom, smtpUser, smtpTls = 'implicit', smtpCa = null } = values
  if (smtpHost === undefined || smtpFrom === undefined) return null
  const password = secret('smtpPassword')
  return Object.freeze({
    host: smtpHost,
    port: values.smtpPort ?? mailPorts[smtpTls],
    tls: smtpTls,
    caFile: smtpCa,
    login: smtpUser === undefined || password === null ? null : { user: smtpUser, password },
    from: smtpFrom,
    timeout_ms: values.smtpTimeout ?? 0,
  })
}

function languageModelOf(values: Values, secret: FindSecret): LanguageModelSettings | null {
  const { languageModelUrl, languageModelName } = values
  if (languageModelUrl === undefined || languageModelName === undefined) return null
  return Object.freeze({
    baseUrl: languageModelUrl,
    model: languageModelName,
    key: secret('languageModelKey'),
    timeout_ms: values.languageModelTimeout ?? 0,
  })
}

function embedderOf(values: Values, secret: FindSecret): EmbedderSettings | null {
  const { embedderUrl, embedderModel, embedderDimensions } = values
  if (embedderUrl === undefined || embedderModel === undefined) return null
  return Object.freeze({
    baseUrl: embedderUrl,
    model: embedderModel,
    dimensions: embedderDimensions ?? 0,
    shorten: values.embedderShorten ?? false,
    key: secret('embedderKey'),
    timeout_ms: values.embedderTimeout ?? 0,
    calls_max: values.embedderCalls ?? 0,
  })
}

/** Plain text only where it stays on this machine and nobody asked for more, or where it was spelled out. */
function databaseOf(values: Values, secret: FindSecret): DatabaseConfig | null {
  const { databaseUrl, databaseCa = null } = values
  if (databaseUrl === undefined) return null
  const { url, isLocal, sslmode } = databaseUrl
  const isPlain = sslmode === 'disable' || (sslmode === null && isLocal && databaseCa === null)
  return Object.freeze({
    url,
    password: secret('databasePassword'),
    caFile: databaseCa,
    tls: isPlain ? 'off' : 'verify',
    connections_max: values.databaseConnections ?? 0,
    statement_ms_max: values.databaseStatementTimeout ?? 0,
  })
}
