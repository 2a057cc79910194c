/** The kind `passkey`: what is kept of one, when it counts, and which ones somebody has. */
import { toBase64Url } from '../../core/encoding.ts'
import { faultOfUse } from '../../crypto/passkey.ts'
import { randomBytes } from '../../crypto/random.ts'
import type { PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { isOneOf } from '../passkeys/challenge.ts'
import type { PasskeyDetails } from '../passkeys/passkey.ts'
import { insertPasskey } from '../passkeys/store.ts'
import type { Made, Signed } from '../passkeys/witness.ts'
import type { FactorKindModule, Proving, Shown } from './kind.ts'
import { factorsOf, openData } from './store.ts'

/** One that was begun: what its browser has to answer. */
interface Begun {
  readonly challenge: string
}

type PasskeyData = Begun | PasskeyDetails

const challenge_bytes = 32

export const passkeys: FactorKindModule = {
  counts: true,
  codesLeft: () => null,
  verify: async (proving, own, { witness, challenges = [] }) => {
    const data = own as PasskeyData
    if (!witness || 'fault' in witness) return null
    if ('made' in witness) return 'challenge' in data ? keepMade(proving, data, witness) : null
    return 'challenge' in data ? null : keepUse(data, witness, challenges)
  },
}

/** What to keep of one that is begun. */
export function beginPasskey(): Begun {
  return { challenge: toBase64Url(randomBytes(challenge_bytes)) }
}

async function keepMade(
  { store, principalId, factorId }: Proving,
  { challenge }: Begun,
  { challenge: answered, made }: Made,
): Promise<PasskeyDetails | null> {
  if (answered !== challenge) return null
  await insertPasskey(store, { factor_id: factorId, principal_id: principalId }, made.credentialId)
  return made
}

/** It has answered what is asked, by the key that it has now, and its counter has gone on. */
function keepUse(
  data: PasskeyDetails,
  { credentialId, publicKey, use }: Signed,
  challenges: NonNullable<Shown['challenges']>,
): PasskeyDetails | null {
  const isIt = credentialId === data.credentialId && publicKey === data.publicKey
  if (!isIt || !isOneOf(challenges, use.challenge) || faultOfUse(data, use)) return null
  return { ...data, counter: use.counter, backedUp: use.backedUp }
}

/** The passkeys that somebody can sign in by. */
export async function passkeysOf(
  store: TenantStore,
  principalId: PrincipalId,
  now: number,
): Promise<PasskeyDetails[]> {
  const rows = (await factorsOf(store, principalId, now)).filter(
    ({ kind, state }) => kind === 'passkey' && state === 'active',
  )
  const data = await Promise.all(rows.map((row) => openData(store, row)))
  return data.map(({ own }) => own as PasskeyDetails)
}

/** The challenge of one that is begun; null for what is not. */
export function challengeOf(own: unknown): string | null {
  const data = own as PasskeyData
  return 'challenge' in data ? data.challenge : null
}
