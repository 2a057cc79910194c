/**
 * What keeps a server from starting although each setting is right: files that are not there or that
 * others can read, and, in production mode, whatever is not safe. Nothing here asks the database.
 */
import { accessSync, constants } from 'node:fs'
import { systemClock } from '../core/clock.ts'
import { readTls } from '../http/tls-files.ts'
import { type Config, ConfigError, type ServerSettings, type TlsConfig } from './config.ts'
import { labelOf } from './labels.ts'
import { isLoopback } from './loopback.ts'
import { allows, isInside, octal, statsOf } from './place.ts'
import { isOwnMachine, isTooWide } from './proxies.ts'
import { fileOf } from './secrets.ts'
import { type SettingName, settings } from './settings.ts'
import type { Reading } from './sources.ts'
import { strangerAt } from './strangers.ts'

const group_others = 0o077
const others = 0o007

/** One line for each reason, with what to do about it; empty when the server may start. */
export async function refusals(settings: ServerSettings): Promise<readonly string[]> {
  const files = await wrongFiles(settings)
  if (settings.config.mode === 'development') return files
  return [
    ...besideTheData(settings),
    ...inPlainText(settings),
    ...trustingAll(settings),
    ...exposedMetrics(settings),
    ...shownPassword(settings),
    ...files,
    ...openPlaces(settings),
  ]
}

/** Throws `ConfigError` with every reason. */
export async function refuseUnsafe(settings: ServerSettings): Promise<void> {
  const reasons = await refusals(settings)
  if (reasons.length > 0) throw new ConfigError(reasons)
}

/**
 * What `init` must not make in production, since no server would start on it: the settings of the
 * listener may still change, but a key that once lay beside the data is in its copies. Throws
 * `ConfigError`.
 */
export function refuseUnsafePlaces(settings: ServerSettings): void {
  const reasons = settings.config.mode === 'production' ? besideTheData(settings) : []
  if (reasons.length > 0) throw new ConfigError(reasons)
}

/** Files that must be there before the server is. */
const tlsFiles: readonly SettingName[] = ['tlsCert', 'tlsKey', 'tlsClientCa']
const authorityFiles: readonly SettingName[] = [
  'databaseCa',
  'redisCa',
  'smtpCa',
  'vaultCa',
  'auditSyslogCa',
  'auditSyslogCert',
  'auditWebhookCa',
]

/** Also secrets that anybody on the machine can read: they are none, in whatever mode. */
async function wrongFiles({ config, reading }: ServerSettings): Promise<string[]> {
  const { tlsKey } = reading.values
  const path = typeof tlsKey === 'string' ? tlsKey : undefined
  const tls = [
    ...absentFiles(reading, tlsFiles),
    ...tooOpen(reading, { name: 'tlsKey', path, bits: others }),
  ]
  const secrets = await wrongSecrets(config)
  // A key that Vault or AWS keeps is judged when it is read: a check of settings calls nobody.
  const isHere = config.tls?.key?.isLocal ?? true
  const isReadable = tls.length === 0 && secrets.length === 0 && isHere
  return [
    ...tls,
    ...(isReadable && config.tls ? await unusableTls(config.tls) : []),
    ...secrets,
    ...absentFiles(reading, authorityFiles),
  ]
}

/** Of those that are on this machine. */
async function wrongSecrets({ secrets }: Config): Promise<string[]> {
  const seen = await secrets.look('local')
  return seen.flatMap(({ secret: { label, reference }, fault }) => {
    return fault === null ? [] : [`${label}: ${reference}: ${fault}`]
  })
}

/** What the listener would say of them when the Locket is already open, or already made. */
async function unusableTls(tls: TlsConfig): Promise<string[]> {
  try {
    await readTls(tls, systemClock())
    return []
  } catch (thrown) {
    if (!(thrown instanceof Error)) throw thrown
    return [thrown.message]
  }
}

function absentFiles(reading: Reading, names: readonly SettingName[]): string[] {
  return names.flatMap((name) => {
    const path = reading.values[name]
    const mistake = typeof path === 'string' ? mistakeWith(path) : null
    return mistake === null ? [] : [`${labelOf(reading, name)}: ${mistake}`]
  })
}

function mistakeWith(path: string): string | null {
  const stats = statsOf(path)
  if (stats === null) return 'there is no such file'
  if (!stats.isFile()) return 'expected a regular file'
  try {
    accessSync(path, constants.R_OK)
    return null
  } catch {
    return 'cannot be read'
  }
}

function besideTheData({ config, reading }: ServerSettings): string[] {
  const { rootKey, dataDir, tombstonesFile, database } = config
  const lines: string[] = []
  const rootKeyFile = 'file' in rootKey ? rootKey.file : fileOf(rootKey.secret)
  if (rootKeyFile !== null && isInside(rootKeyFile, dataDir)) {
    const name = 'file' in rootKey ? 'rootKeyFile' : 'rootKey'
    lines.push(
      `${labelOf(reading, name)}: the root key lies in the data directory, so a copy of the ` +
        'data can be read by whoever has it: move it elsewhere and name its file here',
    )
  }
  if (database === null && isInside(tombstonesFile, dataDir)) {
    lines.push(
      `${labelOf(reading, 'tombstonesFile')}: the record of destroyed keys lies in the data directory, ` +
        'so an old copy of the data would bring them back: move it elsewhere and name its file here',
    )
  }
  return lines
}

function inPlainText({ config, reading }: ServerSettings): string[] {
  const { host, tls, trustedProxies, publicUrl, corsOrigins } = config
  const lines: string[] = []
  if (!isLoopback(host) && tls === null && trustedProxies.every(isOwnMachine)) {
    const label = labelOf(reading, 'host')
    lines.push(
      trustedProxies.length === 0
        ? `${label}: other machines reach this address in plain text: set tls-cert and tls-key, or ` +
            'trusted-proxies when a proxy does TLS, or listen on 127.0.0.1'
        : `${label}: other machines reach this address in plain text, past the proxy on this one: ` +
            'listen on 127.0.0.1',
    )
  }
  if (publicUrl !== null && isPlainRemote(publicUrl)) {
    lines.push(`${labelOf(reading, 'publicUrl')}: http to another machine is plain text: use https`)
  }
  const { redisUrl } = reading.values
  if (redisUrl && !redisUrl.isEncrypted && !redisUrl.isLocal) {
    lines.push(
      `${labelOf(reading, 'redisUrl')}: redis to another machine is plain text: use rediss`,
    )
  }
  if (corsOrigins.some(isPlainRemote)) {
    lines.push(
      `${labelOf(reading, 'corsOrigins')}: a page that came over http may be anybody's: use https`,
    )
  }
  return lines
}

function trustingAll({ config, reading }: ServerSettings): string[] {
  if (!config.trustedProxies.some(isTooWide)) return []
  const label = labelOf(reading, 'trustedProxies')
  return [
    `${label}: trusts a large part of all addresses (below /8, or /16 of IPv6), which anybody can ` +
      'have, and who has one can forge every other: name the proxies',
  ]
}

/** Metrics tell how busy a server is, who fails to get in and how full it is; nobody is asked who he is. */
function exposedMetrics({ config: { metrics }, reading }: ServerSettings): string[] {
  if (metrics === null || metrics.exposed || isLoopback(metrics.host)) return []
  return [
    `${labelOf(reading, 'metricsHost')}: other machines read the metrics there without a credential: ` +
      'listen on 127.0.0.1, or say metrics-exposed where only operators reach it',
  ]
}

const passwordUrls = [
  { name: 'databaseUrl', password: 'database-password' },
  { name: 'redisUrl', password: 'redis-password' },
] as const

/** The words of a command are shown to every user of the machine. */
function shownPassword({ reading }: ServerSettings): string[] {
  return passwordUrls.flatMap(({ name, password }) => {
    const isFlag = reading.given.get(name)?.source === 'flag'
    if (!isFlag || !reading.values[name]?.hasPassword) return []
    return [
      `${labelOf(reading, name)}: every process of this machine can see a password here: give ` +
        `the URL in ${settings[name].env} or in the settings file, or the password by ${password}`,
    ]
  })
}

/** What lies about: data, the root key, and the file by which all of this could be changed. */
function openPlaces({ config, reading, file }: ServerSettings): string[] {
  const { dataDir, rootKey } = config
  const key = 'file' in rootKey ? rootKey.file : undefined
  const stranger = file === null ? null : strangerAt(file)
  return [
    ...tooOpen(reading, { name: 'dataDir', path: dataDir, bits: others }),
    ...tooOpen(reading, { name: 'rootKeyFile', path: key, bits: group_others }),
    ...(stranger === null ? [] : [`${file}: ${stranger}`]),
  ]
}

interface Watched {
  readonly name: SettingName
  readonly path: string | undefined
  readonly bits: number
}

function tooOpen(reading: Reading, { name, path, bits }: Watched): string[] {
  const stats = path === undefined ? null : statsOf(path)
  if (!stats || !allows(stats, bits)) return []
  const mend = stats.isDirectory() ? 'chmod 700' : 'chmod 600'
  return [`${labelOf(reading, name)}: others can get at it (mode ${octal(stats)}): ${mend} ${path}`]
}

function isPlainRemote(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !isLoopback(hostname)
}
