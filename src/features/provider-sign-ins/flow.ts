/**
 * A sign-in by a provider while its person is there. Nothing of it is kept here: the browser keeps a
 * random token in a cookie, with where it began; what the provider is told (`state`, `nonce`, the
 * verifier's digest) is worked out from that cookie and a key that never leaves. So only the browser
 * that began can come back, only to the provider that it was sent to, and nobody without the key can
 * begin in its name.
 */
import { fromBase64Url, toBase64Url, toUtf8 } from '../../core/encoding.ts'
import { type Id, idPattern } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { type DataKey, macsEqual } from '../../crypto/data-key.ts'
import { randomBase62 } from '../../crypto/token-hash.ts'
import type { Bonds } from '../identity-providers/authorization.ts'
import type { ProviderId } from '../identity-providers/identity-provider.ts'
import type { EarlierSignIn } from '../sign-ins/end-shown.ts'

export interface Flow {
  readonly tenant: Id<'ten'>
  readonly provider: ProviderId
  readonly startedAt_ms: number
  /** The person was to prove anew who he is. */
  readonly fresh: boolean
  /** Null: nowhere in particular. */
  readonly returnTo: string | null
  /** Which version of the tenant's pepper its bonds are made with. */
  readonly pepperVersion: number
  /**
   * The sign-in that the browser had when it left. It has shown that one's cookie then; when it comes back,
   * from another site, it cannot.
   */
  readonly earlier: EarlierSignIn | null
  /** As the cookie has it: what all bonds are made of. */
  readonly token: string
}

type Beginning = Omit<Flow, 'token'>

const form =
  /^([0-9A-Z]{26})\.([0-9A-Z]{26})\.(\d{1,9})\.(\d{1,15})\.([01])\.([\w-]{0,800})\.([0-9A-Z]{52}|)\.[0-9A-Za-z]{43}$/

export function beginFlow(beginning: Beginning): Flow {
  const { tenant, provider, pepperVersion, startedAt_ms, fresh, returnTo, earlier } = beginning
  const parts = [
    tenant.slice('ten_'.length),
    provider.slice('idp_'.length),
    pepperVersion,
    startedAt_ms,
    fresh ? 1 : 0,
    toBase64Url(toUtf8(returnTo ?? '')),
    earlier === null ? '' : earlier.tenant.slice('ten_'.length) + earlier.id.slice('sin_'.length),
    randomBase62(43),
  ]
  return { ...beginning, token: parts.join('.') }
}

/** As a browser shows it, which may be anybody's invention until its state is compared. */
export function readFlow(token: string | null): Flow | null {
  const [, ten, idp, pepper, started, fresh, path = '', signIn = ''] = form.exec(token ?? '') ?? []
  const tenant = `ten_${ten}` as const
  const provider = `idp_${idp}` as const
  if (!token || !idPattern('ten').test(tenant) || !idPattern('idp').test(provider)) return null
  const bytes = fromBase64Url(path)
  const earlier = signIn === '' ? null : earlierOf(signIn)
  if (!bytes || earlier === undefined) return null
  return {
    tenant,
    provider,
    pepperVersion: Number(pepper),
    startedAt_ms: Number(started),
    fresh: fresh === '1',
    returnTo: bytes.length === 0 ? null : Buffer.from(bytes).toString('latin1'),
    earlier,
    token,
  }
}

function earlierOf(text: string): EarlierSignIn | undefined {
  const tenant = `ten_${text.slice(0, 26)}` as const
  const id = `sin_${text.slice(26)}` as const
  return idPattern('ten').test(tenant) && idPattern('sin').test(id) ? { tenant, id } : undefined
}

/** In hexadecimal: what a provider sends back must not look like a secret of ours in a URL. */
export function bondsOf(pepper: DataKey, { token }: Flow): Bonds {
  const bond = (name: string) => pepper.mac('provider-sign-in', [name, token]).toString('hex')
  return { state: bond('state'), nonce: bond('nonce'), verifier: bond('verifier') }
}

/** By what it is known that it has come back: tells nothing of the cookie. */
export function spentHash(pepper: DataKey, { token }: Flow): Uint8Array {
  return pepper.mac('provider-sign-in', ['spent', token])
}

/** Whether this flow was begun here, in this browser, for this provider, and not long ago. */
export function isOurs(
  flow: Flow,
  back: { state: string | undefined; provider: ProviderId },
  { pepper, now }: { pepper: DataKey; now: number },
): boolean {
  const { state } = bondsOf(pepper, flow)
  const age_ms = now - flow.startedAt_ms
  const isRecent =
    age_ms < limits.providerSignIn_life_ms && age_ms > -limits.externalToken_skew_ms_max
  const isSame = macsEqual(toUtf8(state), toUtf8(back.state ?? ''))
  return isSame && isRecent && flow.provider === back.provider
}
