/**
 * The challenge of a sign-in by a passkey alone. Anybody may ask for one, as often as he likes, so nothing is
 * kept of it: it is a text that carries a name of a tenant and when it is over, with a MAC under a key of
 * the instance. Whether somebody has that name is asked when it is answered, so the text tells
 * nothing of it. Only what was answered rightly is kept, by its hash, until it is over.
 */
import { toBase64Url, toUtf8 } from '../../core/encoding.ts'
import { limits } from '../../core/limits.ts'
import { type DataKey, macsEqual } from '../../crypto/data-key.ts'
import { randomBase62 } from '../../crypto/token-hash.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'

export interface SignInChallenge {
  /** Of the tenant that was asked for, whether there is one or not; empty: nothing that could be one's. */
  readonly slug: string
  readonly endsAt_ms: number
  /** Names it to who began: `lkp_…`. */
  readonly token: string
  /** What a passkey has to sign. */
  readonly challenge: string
  /** By what it is known that it was answered: tells nothing of the token. */
  readonly spentHash: Uint8Array
}

const form = /^(lkp_[0-9A-Za-z]{43}_(\d{1,9})_(\d{1,15})_([a-z0-9-]{0,63}))_([\w-]{43})$/

export async function newSignInChallenge(
  instance: TenantStore,
  { slug, now }: { slug: string; now: number },
): Promise<SignInChallenge> {
  const pepper = (await instance.keys('pepper')).current
  const endsAt_ms = now + limits.passkeyChallenge_life_ms
  const parts = ['lkp', randomBase62(43), pepper.version, endsAt_ms, slug]
  return whole(pepper, { slug, endsAt_ms, body: parts.join('_') })
}

/** Undefined for one that was not made here, to the last character, or is over. */
export async function readSignInChallenge(
  instance: TenantStore,
  { token, now }: { token: string; now: number },
): Promise<SignInChallenge | undefined> {
  const [, body, pepper, ends, slug, shown] = form.exec(token) ?? []
  if (!body || slug === undefined || !shown) return undefined
  const version = Number(pepper)
  const keys = await instance.keys('pepper', version)
  if (!keys.versions.includes(version)) return undefined
  const key = keys.version(version)
  // The text is compared, not its bytes: 43 characters of base64 spell the same ones in four ways.
  const isOurs = macsEqual(toUtf8(macOf(key, 'token', body)), toUtf8(shown))
  const endsAt_ms = Number(ends)
  return isOurs && endsAt_ms > now ? whole(key, { slug, endsAt_ms, body }) : undefined
}

type Parts = Pick<SignInChallenge, 'slug' | 'endsAt_ms'> & { readonly body: string }

function whole(pepper: DataKey, { slug, endsAt_ms, body }: Parts): SignInChallenge {
  return {
    slug,
    endsAt_ms,
    token: `${body}_${macOf(pepper, 'token', body)}`,
    challenge: macOf(pepper, 'challenge', body),
    spentHash: pepper.mac('passkey-sign-in', ['spent', body]),
  }
}

function macOf(pepper: DataKey, name: 'token' | 'challenge', body: string): string {
  return toBase64Url(pepper.mac('passkey-sign-in', [name, body]))
}
