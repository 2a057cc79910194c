/**
 * Every setting there is, as one table. From it come the flags, the variables, the keys of the
 * settings file, `--help`, `locket config show` and the reference page.
 */
import { z } from 'zod'
import { fromBase64 } from '../core/encoding.ts'
import { limits } from '../core/limits.ts'
import { referenceShape } from '../secrets/reference.ts'
import { auditSettings } from './audit-settings.ts'
import { DatabaseUrlField, withoutPassword } from './database-url.ts'
import { limitSettings } from './limit-settings.ts'
import { mailSettings } from './mail-settings.ts'
import { metricsSettings } from './metrics-settings.ts'
import { ownSecretSetting, secretSetting, secretSources } from './secret-settings.ts'
import { setting } from './setting.ts'
import {
  BaseUrl,
  Destinations,
  Host,
  ModelName,
  Networks,
  Origins,
  Path,
  PathOrSecret,
  Switch,
  wholeNumber,
} from './shapes.ts'
import { traceSettings } from './trace-settings.ts'
import { witnessSettings } from './witness-settings.ts'

export const mebibyte = 1024 * 1024
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const
const modes = ['development', 'production'] as const

export const settings = {
  config: setting({
    flag: 'config',
    env: 'LOCKET_CONFIG',
    expects: 'a file',
    default: null,
    fallback: 'locket.toml in the working directory, where there is one',
    description: 'The settings file; one that is named must be there.',
    schema: Path,
  }),
  mode: setting({
    flag: 'mode',
    env: 'LOCKET_MODE',
    expects: `one of ${modes.join(', ')}`,
    default: 'development',
    description: 'In production mode the server refuses to start with settings that are not safe.',
    schema: z.enum(modes),
  }),
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
    schema: Host,
  }),
  port: setting({
    flag: 'port',
    env: 'LOCKET_PORT',
    expects: 'a port from 0 to 65535',
    kind: 'number',
    default: '8080',
    description: 'The port to listen on; 0 takes any that is free.',
    schema: wholeNumber(0, 65_535),
  }),
  publicUrl: setting({
    flag: 'public-url',
    env: 'LOCKET_PUBLIC_URL',
    expects: 'an http or https URL as browsers write it, without query or fragment',
    default: null,
    fallback: 'host and port',
    description: 'Where the server is reached from outside.',
    schema: BaseUrl,
  }),
  tlsCert: setting({
    flag: 'tls-cert',
    env: 'LOCKET_TLS_CERT',
    expects: 'a file',
    default: null,
    description: 'The certificate and its chain (PEM), for TLS; it needs the key too.',
    schema: Path,
  }),
  tlsKey: setting({
    flag: 'tls-key',
    env: 'LOCKET_TLS_KEY',
    expects: `a file, or ${referenceShape}`,
    default: null,
    description: 'The private key of the certificate (PEM).',
    mask: (text) => text,
    schema: PathOrSecret,
  }),
  tlsClientCa: setting({
    flag: 'tls-client-ca',
    env: 'LOCKET_TLS_CLIENT_CA',
    expects: 'a file',
    default: null,
    description: 'The authority (PEM) whose client certificates are accepted.',
    schema: Path,
  }),
  redirectPort: setting({
    flag: 'redirect-port',
    env: 'LOCKET_REDIRECT_PORT',
    expects: 'a port from 0 to 65535',
    kind: 'number',
    default: null,
    description: 'A second port, for plain HTTP, that only redirects to HTTPS.',
    schema: wholeNumber(0, 65_535),
  }),
  trustedProxies: setting({
    flag: 'trusted-proxies',
    env: 'LOCKET_TRUSTED_PROXIES',
    expects: 'IP addresses and networks such as 10.0.0.0/8',
    kind: 'list',
    default: null,
    fallback: 'none',
    description: 'The proxies whose word on a client’s address is taken.',
    schema: Networks,
  }),
  corsOrigins: setting({
    flag: 'cors-origins',
    env: 'LOCKET_CORS_ORIGINS',
    expects: 'origins such as https://app.example.com, without a path',
    kind: 'list',
    default: null,
    fallback: 'none',
    description: 'The web pages that may call from a browser, each by its exact origin.',
    schema: Origins,
  }),
  docs: setting({
    flag: 'docs',
    env: 'LOCKET_DOCS',
    expects: 'on or off',
    kind: 'switch',
    default: null,
    fallback: 'on in development, off in production',
    description: 'Whether /docs and /openapi.json are served.',
    schema: Switch,
  }),
  egressAllow: setting({
    flag: 'egress-allow',
    env: 'LOCKET_EGRESS_ALLOW',
    expects: 'hosts such as api.example.com, *.example.com or idp.example.com=10.1.0.0/16',
    kind: 'list',
    default: null,
    fallback: 'none',
    description: 'The hosts that the server itself may call.',
    schema: Destinations,
  }),
  embedderUrl: setting({
    flag: 'embedder-url',
    env: 'LOCKET_EMBEDDER_URL',
    expects: 'an http or https URL as browsers write it, without query or fragment',
    default: null,
    fallback: 'none: recall goes by words alone',
    description:
      'The endpoint that makes vectors, in the shape of OpenAI, up to where /embeddings follows.',
    schema: BaseUrl,
  }),
  embedderModel: setting({
    flag: 'embedder-model',
    env: 'LOCKET_EMBEDDER_MODEL',
    expects: 'the name of a model, as the endpoint calls it',
    default: null,
    description: 'The model that makes vectors; with another one all memories are embedded anew.',
    schema: ModelName,
  }),
  embedderDimensions: setting({
    flag: 'embedder-dimensions',
    env: 'LOCKET_EMBEDDER_DIMENSIONS',
    expects: `a whole number from 1 to ${limits.embedDimensions_max}`,
    kind: 'number',
    default: null,
    description:
      'How many numbers a vector of the model has; an answer of another size is refused.',
    schema: wholeNumber(1, limits.embedDimensions_max),
  }),
  embedderShorten: setting({
    flag: 'embedder-shorten',
    env: 'LOCKET_EMBEDDER_SHORTEN',
    expects: 'on or off',
    kind: 'switch',
    default: 'off',
    description:
      'Whether the endpoint is asked for that many numbers; only for models that can be shortened.',
    schema: Switch,
  }),
  embedderKey: secretSetting({
    flag: 'embedder-key',
    env: 'LOCKET_EMBEDDER_KEY',
    fallback: 'no key is sent',
    description: 'The key of the endpoint; a new one needs no restart.',
  }),
  embedderTimeout: setting({
    flag: 'embedder-timeout',
    env: 'LOCKET_EMBEDDER_TIMEOUT',
    expects: 'whole milliseconds from 100 to 60000',
    kind: 'number',
    default: '10000',
    description: 'How long one call to the endpoint may take, in milliseconds.',
    schema: wholeNumber(100, 60_000),
  }),
  embedderCalls: setting({
    flag: 'embedder-calls',
    env: 'LOCKET_EMBEDDER_CALLS',
    expects: 'a whole number from 1 to 16',
    kind: 'number',
    default: '4',
    description: 'How many calls to the endpoint are under way at once, at most.',
    schema: wholeNumber(1, 16),
  }),
  languageModelUrl: setting({
    flag: 'language-model-url',
    env: 'LOCKET_LANGUAGE_MODEL_URL',
    expects: 'an http or https URL as browsers write it, without query or fragment',
    default: null,
    fallback: 'none: memories are not summarised',
    description:
      'The endpoint that writes summaries, in the shape of OpenAI, up to where /chat/completions follows.',
    schema: BaseUrl,
  }),
  languageModelName: setting({
    flag: 'language-model-name',
    env: 'LOCKET_LANGUAGE_MODEL_NAME',
    expects: 'the name of a model, as the endpoint calls it',
    default: null,
    description: 'The model that writes summaries.',
    schema: ModelName,
  }),
  languageModelKey: secretSetting({
    flag: 'language-model-key',
    env: 'LOCKET_LANGUAGE_MODEL_KEY',
    fallback: 'no key is sent',
    description: 'The key of the endpoint; a new one needs no restart.',
  }),
  languageModelTimeout: setting({
    flag: 'language-model-timeout',
    env: 'LOCKET_LANGUAGE_MODEL_TIMEOUT',
    expects: 'whole milliseconds from 100 to 60000',
    kind: 'number',
    default: '30000',
    description: 'How long one summary may take, in milliseconds.',
    schema: wholeNumber(100, 60_000),
  }),
  rootKey: ownSecretSetting({
    env: 'LOCKET_ROOT_KEY',
    expects: '32 random bytes in base64 (44 characters): openssl rand -base64 32',
    description: 'The root key, or a reference to it, instead of a file.',
    isSecret: (text) => fromBase64(text)?.length === 32,
  }),
  rootKeyFile: setting({
    flag: 'root-key-file',
    env: 'LOCKET_ROOT_KEY_FILE',
    expects: 'a file',
    vital: true,
    replacedBy: 'LOCKET_ROOT_KEY',
    default: null,
    fallback: 'root.key in the data directory',
    description: 'The file that holds the root key; it is made when it is not there.',
    schema: Path,
  }),
  tombstonesFile: setting({
    flag: 'tombstones-file',
    env: 'LOCKET_TOMBSTONES_FILE',
    expects: 'a file',
    vital: true,
    default: null,
    fallback: 'beside the root key',
    description: 'The record of destroyed keys; keep it with the root key.',
    schema: Path,
  }),
  databaseUrl: setting({
    flag: 'database-url',
    env: 'LOCKET_DATABASE_URL',
    expects:
      'postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE, with no parameter but sslmode ' +
      '(disable, require, verify-ca, verify-full) and application_name',
    vital: true,
    default: null,
    fallback: 'SQLite in the data directory',
    description: 'The PostgreSQL database to keep everything in.',
    mask: withoutPassword,
    schema: DatabaseUrlField,
  }),
  databasePassword: secretSetting({
    flag: 'database-password',
    env: 'LOCKET_DATABASE_PASSWORD',
    description: 'The password, instead of the URL; a new one needs no restart.',
  }),
  databaseCa: setting({
    flag: 'database-ca',
    env: 'LOCKET_DATABASE_CA',
    expects: 'a file',
    default: null,
    fallback: 'the authorities that Node trusts',
    description: 'The authority (PEM) that has signed the certificate of the database.',
    schema: Path,
  }),
  databaseConnections: setting({
    flag: 'database-connections',
    env: 'LOCKET_DATABASE_CONNECTIONS',
    expects: 'a whole number from 2 to 1000',
    kind: 'number',
    default: '10',
    description: 'How many connections to the database are held at most.',
    schema: wholeNumber(2, 1000),
  }),
  databaseStatementTimeout: setting({
    flag: 'database-statement-timeout',
    env: 'LOCKET_DATABASE_STATEMENT_TIMEOUT',
    expects: 'whole milliseconds from 100 to 600000',
    kind: 'number',
    default: '30000',
    description: 'How long one statement may take in the database, in milliseconds.',
    schema: wholeNumber(100, 600_000),
  }),
  ...limitSettings,
  ...mailSettings,
  ...metricsSettings,
  ...traceSettings,
  ...auditSettings,
  ...witnessSettings,
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
    kind: 'number',
    default: String(limits.indexes_bytes_max / mebibyte),
    description: 'RAM for search indexes, in MiB.',
    schema: wholeNumber(16, 1_048_576),
  }),
  ...secretSources,
  url: setting({
    flag: null,
    env: 'LOCKET_URL',
    expects: 'an http or https URL as browsers write it, without query or fragment',
    default: 'http://127.0.0.1:8080',
    description: 'Where the server is.',
    schema: BaseUrl,
  }),
  apiKey: ownSecretSetting({
    env: 'LOCKET_API_KEY',
    expects: 'an API key (lk_…)',
    description: 'Your API key, or a reference to it.',
    isSecret: (text) => /^[\x21-\x7e]{1,1000}$/.test(text),
  }),
}

export type SettingName = keyof typeof settings

/** What was made of each setting that is given or has a default. */
export type Values = {
  readonly [Name in SettingName]?: z.output<(typeof settings)[Name]['schema']>
}
