/**
 * What is found out of an answer before the transaction that acts upon it, since that waits for nothing
 * else: whether it is signed, by which key, and which challenge it answers. What it was held against is looked
 * at once more inside.
 */
import { LocketError } from '../../core/errors.ts'
import {
  checkAssertion,
  checkRegistration,
  faultOfUse,
  type Passkey,
  type PasskeyUse,
} from '../../crypto/passkey.ts'
import type { Ceremony, PasskeyFault } from '../../crypto/passkey-data.ts'
import type { PasskeyAssertion, PasskeyDetails, PasskeyRegistration } from './passkey.ts'

/** A passkey was made, as it was asked for. */
export interface Made {
  readonly challenge: string
  readonly made: PasskeyDetails
}

/** A passkey has signed. */
export interface Signed {
  readonly credentialId: string
  readonly publicKey: string
  readonly use: PasskeyUse
}

export type Witness = Made | Signed | { readonly fault: PasskeyFault }

export async function witnessMade(
  ceremony: Ceremony,
  { id, response }: PasskeyRegistration,
): Promise<Witness> {
  const judged = await checkRegistration(ceremony, { ...response, id })
  if ('fault' in judged) return judged
  const { challenge, ...passkey } = judged.good
  return { challenge, made: { ...passkey, transports: response.transports ?? [] } }
}

/** `passkey` is the one that is called so; undefined where nobody has it who may sign in by it. */
export async function witnessSigned(
  ceremony: Ceremony,
  passkey: Passkey | undefined,
  { id, response }: PasskeyAssertion,
): Promise<Witness> {
  if (!passkey) return { fault: 'unknown-passkey' }
  const judged = await checkAssertion(ceremony, passkey, { ...response, id })
  if ('fault' in judged) return judged
  const fault = faultOfUse(passkey, judged.good)
  if (fault) return { fault }
  const { credentialId, publicKey } = passkey
  return { credentialId, publicKey, use: judged.good }
}

/** For who is signed in, and may be told what was wrong. */
export function refusedFor({ fault }: { readonly fault: PasskeyFault }): LocketError {
  return new LocketError('wrong_factor', `passkey: ${fault}`, { facts: { passkey: fault } })
}
