/** What is wrong with settings together that are right one by one. */

import { entryFor, isNamed } from '../egress/allow-list.ts'
import { redirectBase } from '../http/redirect.ts'
import type { SinkKind } from '../sinks/sink.ts'
import { labelOf } from './labels.ts'
import { isLoopback } from './loopback.ts'
import { referenceIn, referringTo } from './secrets.ts'
import { type SettingName, settings } from './settings.ts'
import type { Reading } from './sources.ts'

/** One line for each, by the names under which they were given. */
export function combinationMistakes(reading: Reading): string[] {
  return [
    ...rootKeys(reading),
    ...tls(reading),
    ...database(reading),
    ...redis(reading),
    ...embedder(reading),
    ...languageModel(reading),
    ...mail(reading),
    ...traces(reading),
    ...auditSinks(reading),
    ...witnesses(reading),
    ...keeperMistakes(reading, [
      ...referringTo(reading, 'vault'),
      ...referringTo(reading, 'aws-sm'),
    ]),
    ...keepers(reading),
  ]
}

function rootKeys(reading: Reading): string[] {
  return together(reading, 'rootKey', 'rootKeyFile')
}

function tls(reading: Reading): string[] {
  const { port, redirectPort } = reading.values
  const isSame = redirectPort !== undefined && redirectPort === port && port !== 0
  const redirect = labelOf(reading, 'redirectPort')
  return [
    ...needs(reading, 'tlsCert', 'tlsKey'),
    ...needs(reading, 'tlsKey', 'tlsCert'),
    ...needs(reading, 'tlsClientCa', 'tlsCert'),
    ...needs(reading, 'redirectPort', 'tlsCert'),
    ...(isSame ? [`${redirect}: expected another port than the one that HTTPS has`] : []),
    ...aimless(reading),
  ]
}

/** A redirect to what no client could ask for. A port of 0 will be a port that can be asked for. */
function aimless(reading: Reading): string[] {
  const { redirectPort, tlsCert, publicUrl = null, host, port } = reading.values
  if (redirectPort === undefined || tlsCert === undefined) return []
  if (host === undefined || port === undefined) return []
  const base = redirectBase({ publicUrl, host, port })
  if (base !== null && URL.canParse(base)) return []
  const url = siblingOf(reading, 'redirectPort', 'publicUrl')
  return [`${labelOf(reading, 'redirectPort')}: needs an https address to redirect to: set ${url}`]
}

function database(reading: Reading): string[] {
  const { mode, databaseUrl, databasePassword, databaseCa } = reading.values
  const url = labelOf(reading, 'databaseUrl')
  const mistakes = [
    ...needs(reading, 'databasePassword', 'databaseUrl'),
    ...needs(reading, 'databaseCa', 'databaseUrl'),
  ]
  if (databaseUrl?.hasPassword && databasePassword !== undefined) {
    const other = labelOf(reading, 'databasePassword')
    mistakes.push(`${url} and ${other}: give the password in one of the two, not both`)
  }
  if (databaseUrl?.sslmode !== 'disable') return mistakes
  if (databaseCa !== undefined) {
    mistakes.push(
      `${url} and ${labelOf(reading, 'databaseCa')}: without TLS an authority is no use`,
    )
  }
  if (mode === 'production') {
    mistakes.push(`${url}: sslmode=disable is refused in production mode: leave it out`)
  }
  return mistakes
}

function redis(reading: Reading): string[] {
  const { redisUrl, redisPassword, redisCa } = reading.values
  const url = labelOf(reading, 'redisUrl')
  const mistakes = [
    ...needs(reading, 'redisPassword', 'redisUrl'),
    ...needs(reading, 'redisCa', 'redisUrl'),
  ]
  if (redisUrl?.hasPassword && redisPassword !== undefined) {
    const other = labelOf(reading, 'redisPassword')
    mistakes.push(`${url} and ${other}: give the password in one of the two, not both`)
  }
  if (redisUrl?.isEncrypted === false && redisCa !== undefined) {
    mistakes.push(`${url} and ${labelOf(reading, 'redisCa')}: without TLS an authority is no use`)
  }
  return mistakes
}

function embedder(reading: Reading): string[] {
  return [
    ...needs(reading, 'embedderUrl', 'embedderModel'),
    ...needs(reading, 'embedderUrl', 'embedderDimensions'),
    ...needs(reading, 'embedderModel', 'embedderUrl'),
    ...needs(reading, 'embedderDimensions', 'embedderUrl'),
    ...needs(reading, 'embedderKey', 'embedderUrl'),
    ...uncallable(reading, 'embedderUrl'),
  ]
}

function languageModel(reading: Reading): string[] {
  return [
    ...needs(reading, 'languageModelUrl', 'languageModelName'),
    ...needs(reading, 'languageModelName', 'languageModelUrl'),
    ...needs(reading, 'languageModelKey', 'languageModelUrl'),
    ...uncallable(reading, 'languageModelUrl'),
  ]
}

function mail(reading: Reading): string[] {
  const { smtpHost, smtpTls, smtpCa } = reading.values
  const isGiven = smtpHost !== undefined
  const label = labelOf(reading, 'smtpTls')
  const isOff = isGiven && smtpTls === 'off'
  const mistakes = [
    ...needs(reading, 'smtpHost', 'smtpFrom'),
    ...needs(reading, 'smtpHost', 'publicUrl'),
    ...needs(reading, 'smtpFrom', 'smtpHost'),
    ...needs(reading, 'smtpPort', 'smtpHost'),
    ...needs(reading, 'smtpCa', 'smtpHost'),
    ...needs(reading, 'smtpUser', 'smtpHost'),
    ...needs(reading, 'smtpUser', 'smtpPassword'),
    ...needs(reading, 'smtpPassword', 'smtpUser'),
  ]
  if (isOff && !isLoopback(smtpHost)) {
    mistakes.push(
      `${label}: off to another machine shows links on the way: use implicit or starttls`,
    )
  }
  if (isOff && smtpCa !== undefined) {
    mistakes.push(`${label} and ${labelOf(reading, 'smtpCa')}: without TLS an authority is no use`)
  }
  return mistakes
}

function traces(reading: Reading): string[] {
  const isSampled = reading.given.get('traceSample')?.source !== 'default'
  return [
    ...needs(reading, 'traceParents', 'traceEndpoint'),
    ...(isSampled ? needs(reading, 'traceSample', 'traceEndpoint') : []),
    ...uncallable(reading, 'traceEndpoint'),
  ]
}

/** The setting by which each kind of sink is there. */
const sinkSettings: Readonly<Record<SinkKind, SettingName>> = {
  file: 'auditFile',
  syslog: 'auditSyslog',
  webhook: 'auditWebhook',
}

function auditSinks(reading: Reading): string[] {
  const { auditRequired = [] } = reading.values
  return [
    ...formatOfNothing(reading),
    ...auditRequired.flatMap((kind) => needs(reading, 'auditRequired', sinkSettings[kind])),
    ...needs(reading, 'auditSyslogCa', 'auditSyslog'),
    ...needs(reading, 'auditSyslogCert', 'auditSyslog'),
    ...needs(reading, 'auditSyslogCert', 'auditSyslogKey'),
    ...needs(reading, 'auditSyslogKey', 'auditSyslogCert'),
    ...needs(reading, 'auditWebhook', 'auditWebhookSecret'),
    ...needs(reading, 'auditWebhookSecret', 'auditWebhook'),
    ...needs(reading, 'auditWebhookCa', 'auditWebhook'),
    ...uncallable(reading, 'auditWebhook'),
  ]
}

/** A format of events that are sent nowhere. */
function formatOfNothing(reading: Reading): string[] {
  const sinks = Object.values(sinkSettings)
  const isAsked = reading.given.get('auditFormat')?.source !== 'default'
  if (!isAsked || sinks.some((name) => reading.given.has(name))) return []
  const names = sinks.map((name) => siblingOf(reading, 'auditFormat', name))
  return [`${labelOf(reading, 'auditFormat')}: needs one of ${names.join(', ')} too`]
}

/** Each by its place on the list: what they are called is for the answer of `config show`. */
function witnesses(reading: Reading): string[] {
  const { witnesses: named = [], egressAllow = [] } = reading.values
  const refused = named.filter(({ url }) => !isNamed(url, egressAllow))
  const allow = siblingOf(reading, 'witnesses', 'egressAllow')
  return refused.map(({ url }) => {
    const label = labelOf(reading, 'witnesses')
    return `${label}: calls to one would be refused: add ${entryFor(url)} to ${allow}`
  })
}

/** An endpoint whose host is not on the list of those that may be called; told when the list is right. */
function uncallable(
  reading: Reading,
  name: 'embedderUrl' | 'languageModelUrl' | 'traceEndpoint' | 'auditWebhook',
): string[] {
  const { [name]: url, egressAllow = [] } = reading.values
  if (url === undefined || isNamed(url, egressAllow)) return []
  const allow = siblingOf(reading, name, 'egressAllow')
  return [
    `${labelOf(reading, name)}: calls to it would be refused: add ${entryFor(url)} to ${allow}`,
  ]
}

/** What reaches the servers that keep these secrets. */
export function keeperMistakes(reading: Reading, names: readonly SettingName[]): string[] {
  return names.flatMap((name) => {
    const kind = referenceIn(reading, name)?.kind
    if (kind === 'aws-sm') return needs(reading, name, 'awsRegion')
    if (kind !== 'vault') return []
    return [...needs(reading, name, 'vaultAddress'), ...needs(reading, name, 'vaultCredential')]
  })
}

function keepers(reading: Reading): string[] {
  const { vaultLogin } = reading.values
  const isRole = vaultLogin !== undefined && vaultLogin !== 'token'
  return [
    ...needs(reading, 'vaultCredential', 'vaultAddress'),
    ...needs(reading, 'vaultCa', 'vaultAddress'),
    ...needs(reading, 'vaultNamespace', 'vaultAddress'),
    ...needs(reading, 'vaultRole', 'vaultAddress'),
    ...(isRole ? needs(reading, 'vaultLogin', 'vaultRole') : []),
    ...needs(reading, 'awsEndpoint', 'awsRegion'),
    ...needs(reading, 'awsSessionToken', 'awsRegion'),
    ...inPlainText(reading, 'vaultAddress'),
    ...inPlainText(reading, 'awsEndpoint'),
  ]
}

/** In every mode: whoever is on the way would have the token, and the secrets. */
function inPlainText(reading: Reading, name: 'vaultAddress' | 'awsEndpoint'): string[] {
  const { [name]: url } = reading.values
  if (url === undefined || !url.startsWith('http:') || isLoopback(new URL(url).hostname)) return []
  return [`${labelOf(reading, name)}: http to another machine shows secrets on the way: use https`]
}

/** One setting does nothing without the other. */
function needs(reading: Reading, name: SettingName, other: SettingName): string[] {
  if (reading.values[name] === undefined || reading.given.has(other)) return []
  const label = labelOf(reading, name)
  return [`${label}: needs ${siblingOf(reading, name, other)} too`]
}

function together(reading: Reading, name: SettingName, other: SettingName): string[] {
  if (!reading.given.has(name) || !reading.given.has(other)) return []
  const labels = `${labelOf(reading, name)} and ${labelOf(reading, other)}`
  return [`${labels}: set one of the two, not both`]
}

/** The other setting as the giver of this one would call it. */
function siblingOf({ given }: Reading, name: SettingName, other: SettingName): string {
  const source = given.get(name)?.source
  if (source === 'environment') return settings[other].env
  return source === 'flag' ? `--${settings[other].flag}` : `${settings[other].flag}`
}
