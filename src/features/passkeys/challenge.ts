/**
 * Challenges of passkeys for what is known already, such as a sign-in that waits: 256 bits that nobody can
 * know before, each for one thing that is asked for once. They are not kept: each is a MAC, under a key of the
 * server, over what it is asked for and a secret of that, and dies with it.
 */
import { toBase64Url, toUtf8 } from '../../core/encoding.ts'
import { limits } from '../../core/limits.ts'
import { type DataKey, macsEqual } from '../../crypto/data-key.ts'

/** What is asked for, and a hash of its own that changes whenever it was answered. */
export interface AskedFor {
  readonly id: string
  readonly hash: Uint8Array
}

/** It counts in the span of time that it is made in, and in the next. */
export function challengeNow(pepper: DataKey, asked: AskedFor, now: number): string {
  return inSpan(pepper, asked, spanOf(now))
}

/** Those that count now. */
export function challengesNow(pepper: DataKey, asked: AskedFor, now: number): string[] {
  const span = spanOf(now)
  return [inSpan(pepper, asked, span), inSpan(pepper, asked, span - 1)]
}

export function isOneOf(challenges: readonly string[], shown: string): boolean {
  return challenges.some((one) => macsEqual(toUtf8(one), toUtf8(shown)))
}

function inSpan(pepper: DataKey, { id, hash }: AskedFor, span: number): string {
  return toBase64Url(pepper.mac('pepper', ['passkey-challenge', id, hash, String(span)]))
}

function spanOf(now: number): number {
  return Math.floor(now / limits.passkeyChallenge_life_ms)
}
