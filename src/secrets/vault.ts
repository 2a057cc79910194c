/**
 * HashiCorp Vault and OpenBao: the key-value engine, version 2, over HTTP
 * (https://openbao.org/api-docs/secret/kv/kv-v2/). We come with a token, or log in for one: with the
 * token of a Kubernetes service account, or with the secret id of an AppRole.
 */
import { second_ms, stopwatch } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { VaultReference } from './reference.ts'
import type { ReadSecret } from './secret.ts'
import { SecretError } from './secret-error.ts'
import { askSecretServer, partOf, type Reply, refusalOf, type SecretServer } from './server.ts'

export const vaultLogins = ['token', 'kubernetes', 'approle'] as const
export type VaultLogin = (typeof vaultLogins)[number]

export interface VaultSettings extends SecretServer {
  readonly namespace: string | null
  readonly login: VaultLogin
  /** The role of Kubernetes or the role id of the AppRole; null: there is none, for a token. */
  readonly role: string | null
  /** The token, the service account's token, or the secret id; read anew for each login. */
  readonly credential: ReadSecret
}

export type VaultReader = (reference: VaultReference) => Promise<string>

interface Session {
  readonly token: string
  /** By the stopwatch. */
  readonly until_ms: number
}

/** Reads secrets; what it logged in for is kept until two thirds of its lease are over. */
export function createVaultReader(vault: VaultSettings, log: () => Log): VaultReader {
  let session: Session | null = null
  let loggingIn: Promise<Session> | null = null

  const ask = (path: string, init: RequestInit = {}, token?: string): Promise<Reply> => {
    const headers = {
      'X-Vault-Request': 'true',
      ...(vault.namespace !== null && { 'X-Vault-Namespace': vault.namespace }),
      ...(token !== undefined && { 'X-Vault-Token': token }),
    }
    return askSecretServer(
      vault,
      new Request(`${vault.url}/v1/${path}`, { ...init, headers }),
      log(),
    )
  }

  const token = async (): Promise<string> => {
    if (vault.login === 'token') return headerValue(await vault.credential())
    if (session !== null && stopwatch() < session.until_ms) return session.token
    loggingIn ??= logIn().finally(() => {
      loggingIn = null
    })
    session = await loggingIn
    return session.token
  }

  const logIn = async (): Promise<Session> => {
    const credential = await vault.credential()
    const body = JSON.stringify(
      vault.login === 'kubernetes'
        ? { role: vault.role, jwt: credential }
        : { role_id: vault.role, secret_id: credential },
    )
    const began_ms = stopwatch()
    const { status, value } = await ask(`auth/${vault.login}/login`, { method: 'POST', body })
    // Of a login, "not found" is a method that is not mounted: nothing that a secret could be.
    if (status !== 200) throw status === 404 ? new SecretError('refused', 404) : refusalOf(status)
    const given = partOf(value, 'auth', 'client_token')
    const lease_s = partOf(value, 'auth', 'lease_duration')
    if (typeof given !== 'string') throw new SecretError('invalid_answer')
    const life_ms = typeof lease_s === 'number' && lease_s > 0 ? (lease_s * second_ms * 2) / 3 : 0
    return { token: headerValue(given), until_ms: began_ms + life_ms }
  }

  return async ({ mount, path, key }) => {
    const place = [...mount.split('/'), 'data', ...path].map(encodeURIComponent).join('/')
    const wasKept = session !== null
    let reply = await ask(place, {}, await token())
    if (reply.status === 403 && wasKept) {
      // What we logged in for may have been revoked.
      session = null
      reply = await ask(place, {}, await token())
    }
    if (reply.status !== 200) throw refusalOf(reply.status)
    if (partOf(reply.value, 'data', 'data') === undefined) throw new SecretError('invalid_answer')
    const found = partOf(reply.value, 'data', 'data', key)
    if (typeof found !== 'string') throw new SecretError('no_key')
    return found
  }
}

/** A token that could not stand in a header would end in an error that quotes it. */
function headerValue(token: string): string {
  if (!/^[\x21-\x7e]{1,8192}$/.test(token)) throw new SecretError('refused', 'no token')
  return token
}
