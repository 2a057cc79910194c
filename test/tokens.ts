/** Access tokens as a stranger would make them, and as this server itself would: for tests of both. */
import assert from 'node:assert/strict'
import { instanceTenant } from '../src/core/ids.ts'
import { signingKey } from '../src/crypto/signing-key.ts'
import { openSecret, seedOf, signingKeyRows } from '../src/features/signing-keys/store.ts'
import { tenantStore } from '../src/storage/tenant-store.ts'
import type { Locket, Reply } from './harness.ts'

export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
  readonly expiresIn: number
  readonly familyId: string
}

export type Part = Readonly<Record<string, unknown>>

/** What an API key is exchanged for: the administrator's when none is given. */
export async function tokensOf(
  locket: Locket,
  key: string = locket.admin,
  body: object = {},
): Promise<Tokens> {
  const { status, body: made } = await locket.call('POST', '/v1/tokens', { key, body })
  assert.equal(status, 201, JSON.stringify(made))
  return made
}

export function refresh(locket: Locket, refreshToken: string): Promise<Reply> {
  return locket.call('POST', '/v1/tokens/refresh', { key: null, body: { refreshToken } })
}

/** Who the server takes the bearer for; the error's code where he is refused. */
export async function whoIs(locket: Locket, token: string, address?: string): Promise<string> {
  const place = address === undefined ? {} : { address }
  const { body } = await locket.call('GET', '/v1/whoami', { key: token, ...place })
  return body.code ?? body.handle
}

export function decoded(token: string): { header: Part; payload: Part } {
  const [header = '', payload = ''] = token.split('.')
  const read = (part: string): Part => JSON.parse(Buffer.from(part, 'base64url').toString())
  return { header: read(header), payload: read(payload) }
}

export function encoded(part: Part | string): string {
  const text = typeof part === 'string' ? part : JSON.stringify(part)
  return Buffer.from(text).toString('base64url')
}

export type Sign = (message: string) => string

/** Signs whatever it is given with the server's own key, as only a bug could. */
export async function serverKey(locket: Locket): Promise<Sign> {
  const { database, keys } = locket.instance
  const seed = await database.read(async (tx) => {
    const store = tenantStore(tx, keys, instanceTenant)
    const [row] = await signingKeyRows(store)
    assert.ok(row)
    return seedOf(await openSecret(store, row))
  })
  return signerOf(seed)
}

export function signerOf(seed: Uint8Array): Sign {
  const key = signingKey(seed)
  return (message) => key.sign(Buffer.from(message)).toString('base64url')
}

/** A token with these parts, signed. */
export function signed(sign: Sign, header: Part | string, payload: Part | string): string {
  const message = `${encoded(header)}.${encoded(payload)}`
  return `${message}.${sign(message)}`
}
