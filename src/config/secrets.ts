/** The secrets that settings refer to, and the servers that keep them. */
import { readFile } from 'node:fs/promises'
import { second_ms } from '../core/clock.ts'
import { createLog } from '../core/log.ts'
import type { AwsSettings } from '../secrets/aws.ts'
import { type AwsCredentials, roleCredentials } from '../secrets/aws-role.ts'
import { parseReference, type Reference } from '../secrets/reference.ts'
import type { ReadSecret, Secret } from '../secrets/secret.ts'
import { createSecrets, type Secrets } from '../secrets/secrets.ts'
import type { VaultSettings } from '../secrets/vault.ts'
import { awsDomainOf, awsRoleOf } from './aws.ts'
import { labelOf } from './labels.ts'
import { type SettingName, settings } from './settings.ts'
import { allSettings, type Environment, type Reading } from './sources.ts'

export interface SecretSettings {
  readonly secrets: Secrets
  /** The secret that a setting refers to; null when nobody gave it. */
  secret(name: SettingName): Secret | null
}

/** Nothing is read here, and nobody is called. */
export function secretSettings(reading: Reading, env: Environment): SecretSettings {
  const declared = new Map<SettingName, Secret | null>()
  const secret = (name: SettingName): Secret | null => {
    const known = declared.get(name)
    if (known !== undefined) return known
    const found = referenceIn(reading, name)
    const made = found && secrets.declare(labelOf(reading, name), found)
    declared.set(name, made)
    return made
  }
  const log = createLogOnce(reading)
  const secrets = createSecrets({
    env,
    vault: vaultOf(reading, secret),
    aws: awsOf(reading, secret, env),
    refresh_ms: (reading.values.secretsRefresh ?? 0) * second_ms,
    log,
  })
  // What lets us in to them is a secret like the others, and is looked at like them.
  if (referringTo(reading, 'vault').length > 0) secret('vaultCredential')
  if (referringTo(reading, 'aws-sm').length > 0 && hasAccessKey(reading, env)) {
    for (const name of ['awsAccessKeyId', 'awsSecretAccessKey', 'awsSessionToken'] as const) {
      secret(name)
    }
  }
  return { secrets, secret }
}

/** What a setting refers to, where its value is a reference. */
export function referenceIn({ values }: Reading, name: SettingName): Reference | null {
  const value: unknown = values[name]
  const isReference = typeof value === 'object' && value !== null && 'kind' in value
  return isReference ? (value as Reference) : null
}

/** The file that a secret is in; null when it is in none. */
export function fileOf({ reference }: Secret): string | null {
  const found = parseReference(reference)
  return found?.kind === 'file' ? found.path : null
}

/** The settings of which a server's own keeper has the secret: `vault`, or `aws-sm`. */
export function referringTo(reading: Reading, kind: Reference['kind']): readonly SettingName[] {
  const names = allSettings.map(([name]) => name)
  return names.filter((name) => name !== 'apiKey' && referenceIn(reading, name)?.kind === kind)
}

/** Made with the first thing to say. */
function createLogOnce({ values }: Reading): () => ReturnType<typeof createLog> {
  let made: ReturnType<typeof createLog> | undefined
  return () => {
    made ??= createLog(values.logLevel ?? 'info')
    return made
  }
}

type FindSecret = (name: SettingName) => Secret | null

/** Reads a secret that is declared when it is first asked for: the servers' own come before all others. */
function reader(secret: FindSecret, name: SettingName): ReadSecret {
  return async () => {
    const found = secret(name)
    if (!found) throw new Error(`${settings[name].env} is not set`)
    return found.read()
  }
}

function vaultOf(reading: Reading, secret: FindSecret): VaultSettings | null {
  const { vaultAddress, vaultCa, vaultNamespace = null, vaultRole = null } = reading.values
  if (vaultAddress === undefined) return null
  return {
    url: vaultAddress,
    ca: vaultCa === undefined ? null : () => readFile(vaultCa, 'utf8'),
    namespace: vaultNamespace,
    login: reading.values.vaultLogin ?? 'token',
    role: vaultRole,
    credential: reader(secret, 'vaultCredential'),
  }
}

function awsOf(reading: Reading, secret: FindSecret, env: Environment): AwsSettings | null {
  const { awsRegion, awsEndpoint } = reading.values
  if (awsRegion === undefined) return null
  const role = hasAccessKey(reading, env) ? null : awsRoleOf(env, awsRegion)
  return {
    url: awsEndpoint ?? `https://secretsmanager.${awsRegion}.${awsDomainOf(awsRegion)}`,
    ca: null,
    region: awsRegion,
    credentials: role
      ? (log) => roleCredentials(role, log)
      : () => accessKey(secret, reading.values.awsSessionToken !== undefined),
  }
}

/**
 * Whether a key is ours to come with. One that a setting refers to is expected to be there; the
 * variable that is looked at when no setting does may be missing: then a role is asked for.
 */
function hasAccessKey(reading: Reading, env: Environment): boolean {
  const found = referenceIn(reading, 'awsAccessKeyId')
  const isUsual = found?.kind === 'env' && found.name === 'AWS_ACCESS_KEY_ID'
  return !isUsual || env[found.name] !== undefined
}

function accessKey(secret: FindSecret, isLent: boolean): () => Promise<AwsCredentials> {
  const sessionToken = isLent ? reader(secret, 'awsSessionToken') : async () => null
  return async () => ({
    accessKeyId: await reader(secret, 'awsAccessKeyId')(),
    secretAccessKey: await reader(secret, 'awsSecretAccessKey')(),
    sessionToken: await sessionToken(),
  })
}
