/**
 * Where every way of signing in ends: whoever has proven who he is gets a sign-in, or, where he has
 * factors and has proven none, a challenge. No other code makes either.
 *
 *     const opened = await openSignIn(store, { principalId, origin, now, proven })
 *     return answerOpened(ctx, store, opened)
 */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import type { PublicContext } from '../../kernel/context.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { FactorKind } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { FactorKindField } from '../factors/factor.ts'
import { passkeysOf } from '../factors/passkey.ts'
import { kindsToAsk } from '../factors/prove.ts'
import { PasskeyRequest, requestOf } from '../passkeys/passkey.ts'
import { endShownSignIn } from './end-shown.ts'
import { passkeyChallenge } from './passkey-challenges.ts'
import { OwnSignIn, type SignInRow, toOwnSignIn } from './sign-in.ts'
import { insertChallenge, insertSignIn, type NewSignIn } from './store.ts'

/** The answer to who has to prove a factor yet. It is no credential: nothing but that can be done by it. */
export const Challenge = z.strictObject({
  id: idField('sin'),
  challenge: z.string().describe('lkc_…, for POST /v1/sign-ins/factors, once.'),
  factors: z.array(FactorKindField).describe('The kinds of which one has to be proven.'),
  passkey: PasskeyRequest.nullable().describe(
    'For `navigator.credentials.get()`, where one of the kinds is `passkey`.',
  ),
  expiresAt: Timestamp,
})

/** What a way of signing in answers. */
export const SignInAnswer = z.union([OwnSignIn, Challenge])
export type SignInAnswer = z.output<typeof SignInAnswer>

export type Opened =
  | { readonly row: SignInRow; readonly token: string; readonly factors: null }
  | {
      readonly row: SignInRow
      readonly token: string
      readonly factors: readonly FactorKind[]
    }

/**
 * In the transaction in which somebody has proven who he is, is active, and so is his tenant: that is
 * for the caller to know. `proven.factor` is null unless a factor was among what he has shown.
 */
export async function openSignIn(store: TenantStore, order: NewSignIn): Promise<Opened> {
  const factors = order.proven.factor === null ? await kindsToAsk(store, order) : []
  return factors.length > 0
    ? { ...(await insertChallenge(store, order)), factors }
    : { ...(await insertSignIn(store, order)), factors: null }
}

/** Sets the cookie of a sign-in; a challenge has none. */
export async function answerOpened(
  ctx: PublicContext,
  store: TenantStore,
  opened: Opened,
): Promise<SignInAnswer> {
  const { row, token, factors } = opened
  if (factors === null) return answerSignIn(ctx, store, opened)
  return {
    id: row.sign_in_id,
    challenge: token,
    factors: [...factors],
    passkey: factors.includes('passkey') ? await asked(ctx, store, row) : null,
    expiresAt: toTimestamp(row.expires_at),
  }
}

/** The browser has this one from now on; the one that it had ends. */
export async function answerSignIn(
  ctx: PublicContext,
  store: TenantStore,
  { row, token }: Pick<Opened, 'row' | 'token'>,
): Promise<z.output<typeof OwnSignIn>> {
  await endShownSignIn(ctx)
  ctx.setCookie(token)
  return toOwnSignIn(store, row, ctx.now)
}

/** Null where browsers let no passkey be used: another factor has to do. */
async function asked({ services, now }: PublicContext, store: TenantStore, row: SignInRow) {
  const { passkeyParty: party } = services
  if (!party) return null
  const allowed = await passkeysOf(store, row.principal_id, now)
  return requestOf(party, { challenge: await passkeyChallenge(store, row, now), allowed })
}

/** What the event of such an answer says; `factor`: what was shown for it. */
export function factsOfAnswer(output: SignInAnswer | null, factor: string) {
  const isChallenge = output !== null && 'challenge' in output
  return {
    ...(output && { resourceId: output.id }),
    ...(isChallenge && { action: 'sign-in.challenged' }),
    details: { factor },
  }
}
