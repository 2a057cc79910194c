/**
 * Passkeys (Web Authentication Level 3, sections 7.1 and 7.2): what a browser answers is checked here.
 * `@simplewebauthn/server` does the formats and the signatures. What decides is looked at by us as well, and
 * first, so that a refusal has a reason which can be told, and nothing is left to what the library lets
 * pass. It is loaded with the first answer: 27 MB and 150 ms that most runs never need.
 */
import { fromBase64Url, toBase64Url } from '../core/encoding.ts'
import {
  type AuthenticatorData,
  type Ceremony,
  faultOfAuthenticatorData,
  isStrongKey,
  type PasskeyFault,
  passkeyAlgorithms,
  readAuthenticatorData,
  readClientData,
} from './passkey-data.ts'

export type Judged<T> = { readonly good: T } | { readonly fault: PasskeyFault }

/** A passkey as it is kept. All of it is public, but tells what a person has. */
export interface Passkey {
  /** Base64url, as are all bytes here. */
  readonly credentialId: string
  /** A COSE_Key. */
  readonly publicKey: string
  readonly counter: number
  /** Its owner's other devices may have it, too. Never changes. */
  readonly backupEligible: boolean
  readonly backedUp: boolean
}

/** What somebody has who has answered our challenge. */
export interface Answered {
  readonly challenge: string
}

/** What one says of itself when it is used. */
export type PasskeyUse = Answered & Pick<Passkey, 'counter' | 'backupEligible' | 'backedUp'>

/** What `navigator.credentials.create()` gives, of its `toJSON()`. */
export interface Registration {
  readonly id: string
  readonly clientDataJSON: string
  readonly attestationObject: string
}

/** What `navigator.credentials.get()` gives. */
export interface Assertion {
  readonly id: string
  readonly clientDataJSON: string
  readonly authenticatorData: string
  readonly signature: string
}

const id_bytes_max = 1023

/** The passkey that was made, where it was made as we had asked. */
export async function checkRegistration(
  ceremony: Ceremony,
  shown: Registration,
): Promise<Judged<Passkey & Answered>> {
  const { id, clientDataJSON, attestationObject } = shown
  if (!isId(id) || !fromBase64Url(attestationObject)) return { fault: 'malformed' }
  const client = readClientData(ceremony, clientDataJSON, 'webauthn.create')
  if ('fault' in client) return client
  const { server, helpers } = await libraries()
  const attested = await readable(() => {
    const bytes = helpers.isoBase64URL.toBuffer(attestationObject)
    return helpers.decodeAttestationObject(bytes)
  })
  const data = attested && (await readable(() => readAuthenticatorData(attested.get('authData'))))
  if (!attested || !data) return { fault: 'malformed' }
  const fault = faultOfAuthenticatorData(ceremony, data)
  if (fault) return { fault }
  if (!isOwnWord(attested)) return { fault: 'attested' }
  const verified = await readable(() =>
    server.verifyRegistrationResponse({
      response: { ...credential(id), response: { clientDataJSON, attestationObject } },
      ...expected(ceremony, client),
      supportedAlgorithmIDs: [...passkeyAlgorithms],
    }),
  )
  if (!verified) return { fault: 'malformed' }
  if (!verified.verified) return { fault: 'wrong-signature' }
  const made = verified.registrationInfo.credential
  if (made.id !== id) return { fault: 'malformed' }
  const isStrong = isStrongKey(helpers.decodeCredentialPublicKey(made.publicKey))
  return isStrong ? { good: { ...client, ...keep(data, made) } } : { fault: 'weak-key' }
}

/** What a passkey says of itself, where it has answered our challenge. `faultOfUse` comes after it. */
export async function checkAssertion(
  ceremony: Ceremony,
  { credentialId, publicKey }: Pick<Passkey, 'credentialId' | 'publicKey'>,
  shown: Assertion,
): Promise<Judged<PasskeyUse>> {
  const { id, clientDataJSON, authenticatorData, signature } = shown
  const bytes = fromBase64Url(authenticatorData)
  const key = fromBase64Url(publicKey)
  const data = bytes && readAuthenticatorData(bytes)
  if (id !== credentialId || !data || !key || !fromBase64Url(signature))
    return { fault: 'malformed' }
  const client = readClientData(ceremony, clientDataJSON, 'webauthn.get')
  if ('fault' in client) return client
  const fault = faultOfAuthenticatorData(ceremony, data)
  if (fault) return { fault }
  const { server } = await libraries()
  const verified = await readable(() =>
    server.verifyAuthenticationResponse({
      response: { ...credential(id), response: { clientDataJSON, authenticatorData, signature } },
      ...expected(ceremony, client),
      // Compared by us, later: so a copy is told from what is only not signed.
      credential: { id, publicKey: Uint8Array.from(key), counter: 0 },
    }),
  )
  if (!verified) return { fault: 'malformed' }
  if (!verified.verified) return { fault: 'wrong-signature' }
  const { counter, backupEligible, backedUp } = data
  return { good: { ...client, counter, backupEligible, backedUp } }
}

/** Whether what it says of itself goes with what is known of it. */
export function faultOfUse(
  { counter, backupEligible }: Passkey,
  use: PasskeyUse,
): PasskeyFault | null {
  if (use.backupEligible !== backupEligible) return 'other-backup'
  // Section 6.1.1: one that counts, counts up. Where both are 0 it does not count.
  const counts = counter > 0 || use.counter > 0
  return counts && use.counter <= counter ? 'counter-went-back' : null
}

function keep(data: AuthenticatorData, made: { id: string; publicKey: Uint8Array }): Passkey {
  const { counter, backupEligible, backedUp } = data
  const publicKey = toBase64Url(made.publicKey)
  return { credentialId: made.id, publicKey, counter, backupEligible, backedUp }
}

/**
 * We ask for no attestation. What comes with a certificate is not handed on: the library would ask
 * whoever that names whether it was revoked, past our one way out.
 */
function isOwnWord(attested: { get(key: 'fmt'): string; get(key: 'attStmt'): unknown }): boolean {
  const statement = attested.get('attStmt')
  if (!(statement instanceof Map)) return false
  const format = attested.get('fmt')
  return format === 'none' || (format === 'packed' && !statement.has('x5c'))
}

function isId(id: string): boolean {
  const bytes = fromBase64Url(id)
  return bytes !== null && bytes.length > 0 && bytes.length <= id_bytes_max
}

function credential(id: string) {
  return { id, rawId: id, type: 'public-key', clientExtensionResults: {} } as const
}

function expected({ party }: Ceremony, { challenge }: Answered) {
  return {
    expectedChallenge: challenge,
    expectedOrigin: party.origin,
    expectedRPID: party.id,
    requireUserVerification: true,
  } as const
}

async function libraries() {
  const [server, helpers] = await Promise.all([
    import('@simplewebauthn/server'),
    import('@simplewebauthn/server/helpers'),
  ])
  return { server, helpers }
}

/**
 * Null for what cannot be read. The library has no error of its own for that, and throws whatever it
 * comes across; all that it was given is the sender's, and its sentences quote it.
 */
async function readable<T>(read: () => T | Promise<T>): Promise<T | null> {
  try {
    return await read()
  } catch {
    return null
  }
}
