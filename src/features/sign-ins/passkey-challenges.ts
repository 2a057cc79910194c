/** What a passkey has to sign for a sign-in: the one that waits for it, or the one that is confirmed by it. */
import type { TenantStore } from '../../storage/tenant-store.ts'
import { challengeNow, challengesNow } from '../passkeys/challenge.ts'
import type { SignInRow } from './sign-in.ts'

/** Bound to the token that it has now: with another token it is another. */
export async function passkeyChallenge(
  store: TenantStore,
  row: SignInRow,
  now: number,
): Promise<string> {
  return challengeNow(await pepperOf(store, row), askedFor(row), now)
}

/** Those of now and of a moment ago. */
export async function passkeyChallenges(
  store: TenantStore,
  row: SignInRow,
  now: number,
): Promise<string[]> {
  return challengesNow(await pepperOf(store, row), askedFor(row), now)
}

async function pepperOf(store: TenantStore, { pepper_version }: SignInRow) {
  return (await store.keys('pepper', pepper_version)).version(pepper_version)
}

function askedFor({ sign_in_id, hash }: SignInRow) {
  return { id: sign_in_id, hash }
}
