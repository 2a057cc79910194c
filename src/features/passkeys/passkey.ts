/**
 * Passkeys: keys in the hands of people, in a telephone, a computer or a security key, that a browser signs a challenge
 * with once its owner was verified. So one of them is two factors, and a page of another site gets nothing. What
 * stands here is what browsers are told and what they answer, in their own words (Web Authentication
 * Level 3, section 5), so that a page hands both on as they are.
 */
import { z } from 'zod'
import { toBase64Url, toUtf8 } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Passkey } from '../../crypto/passkey.ts'
import { passkeyAlgorithms } from '../../crypto/passkey-data.ts'
import type { RelyingParty } from '../../crypto/relying-party.ts'
import type { Services } from '../../kernel/context.ts'
import type { PrincipalId, Tables } from '../../storage/tables.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    /** Whose passkeys are; null where no browser would make one. */
    readonly passkeyParty: RelyingParty | null
  }
}

export type PasskeyRow = Tables['passkeys']

/** What is sealed of one. */
export interface PasskeyDetails extends Passkey {
  /** How the browser gets to it, in the browser's words. */
  readonly transports: readonly string[]
}

/** Throws `passkeys_unavailable`. */
export function partyOf({ passkeyParty }: Pick<Services, 'passkeyParty'>): RelyingParty {
  if (passkeyParty) return passkeyParty
  throw new LocketError('passkeys_unavailable')
}

const base64Url = (characters_max: number) =>
  z
    .string()
    .max(characters_max)
    .regex(/^[A-Za-z0-9_-]+$/, 'not base64url')

const CredentialId = base64Url(limits.passkeyId_characters_max)
const Transports = z.array(z.string().regex(/^[a-z-]{1,32}$/)).max(limits.passkeyTransports_max)

/**
 * What browsers say of both. They may add to it at any time, and what is not known here is left out; what is
 * signed is in the fields that are.
 */
const credential = {
  id: CredentialId,
  rawId: CredentialId,
  type: z.literal('public-key'),
}
const isItself = ({ id, rawId }: { id: string; rawId: string }): boolean => id === rawId

/** The answer of `navigator.credentials.create()`, as its `toJSON()` gives it. */
export const PasskeyRegistration = z
  .object({
    ...credential,
    response: z.object({
      clientDataJSON: base64Url(limits.passkeyClientData_characters_max),
      attestationObject: base64Url(limits.passkeyAttestation_characters_max),
      transports: Transports.optional(),
    }),
  })
  .refine(isItself, 'rawId is not id')
export type PasskeyRegistration = z.output<typeof PasskeyRegistration>

/** The answer of `navigator.credentials.get()`, as its `toJSON()` gives it. */
export const PasskeyAssertion = z
  .object({
    ...credential,
    response: z.object({
      clientDataJSON: base64Url(limits.passkeyClientData_characters_max),
      authenticatorData: base64Url(limits.passkeyData_characters_max),
      signature: base64Url(limits.passkeySignature_characters_max),
      userHandle: base64Url(limits.passkeyUser_characters_max).nullish(),
    }),
  })
  .refine(isItself, 'rawId is not id')
export type PasskeyAssertion = z.output<typeof PasskeyAssertion>

const Descriptor = z.strictObject({
  type: z.literal('public-key'),
  id: z.string(),
  transports: z.array(z.string()),
})

/** For `PublicKeyCredential.parseCreationOptionsFromJSON()`. */
export const PasskeyCreation = z.strictObject({
  rp: z.strictObject({ id: z.string(), name: z.string() }),
  user: z.strictObject({ id: z.string(), name: z.string(), displayName: z.string() }),
  challenge: z.string().describe('Base64url; for one answer.'),
  pubKeyCredParams: z.array(
    z.strictObject({ type: z.literal('public-key'), alg: z.number().int() }),
  ),
  timeout: z.number().int(),
  excludeCredentials: z.array(Descriptor).describe('The passkeys that one has already.'),
  authenticatorSelection: z.strictObject({
    residentKey: z.literal('required'),
    requireResidentKey: z.literal(true),
    userVerification: z.literal('required'),
  }),
  attestation: z.literal('none'),
})
export type PasskeyCreation = z.output<typeof PasskeyCreation>

/** For `PublicKeyCredential.parseRequestOptionsFromJSON()`. */
export const PasskeyRequest = z.strictObject({
  challenge: z.string().describe('Base64url; for one answer.'),
  timeout: z.number().int(),
  rpId: z.string(),
  allowCredentials: z
    .array(Descriptor)
    .describe('The passkeys of which one has to answer; none: whichever the browser has.'),
  userVerification: z.literal('required'),
})
export type PasskeyRequest = z.output<typeof PasskeyRequest>

type Known = Pick<PasskeyDetails, 'credentialId' | 'transports'>

const timeout = limits.passkeyChallenge_life_ms

export interface CreationOrder {
  readonly challenge: string
  readonly principalId: PrincipalId
  /** What the browser lists the passkey by. */
  readonly login: string
  readonly held: readonly Known[]
}

export function creationOf(party: RelyingParty, order: CreationOrder): PasskeyCreation {
  const { challenge, principalId, login, held } = order
  return {
    rp: { id: party.id, name: 'Locket' },
    user: { id: userHandleOf(principalId), name: login, displayName: login },
    challenge,
    pubKeyCredParams: passkeyAlgorithms.map((alg) => ({ type: 'public-key', alg })),
    timeout,
    excludeCredentials: held.map(describe),
    authenticatorSelection: {
      residentKey: 'required',
      requireResidentKey: true,
      userVerification: 'required',
    },
    attestation: 'none',
  }
}

export function requestOf(
  party: RelyingParty,
  { challenge, allowed }: { challenge: string; allowed: readonly Known[] },
): PasskeyRequest {
  return {
    challenge,
    timeout,
    rpId: party.id,
    allowCredentials: allowed.map(describe),
    userVerification: 'required',
  }
}

function describe({ credentialId, transports }: Known): z.output<typeof Descriptor> {
  return { type: 'public-key', id: credentialId, transports: [...transports] }
}

/** Whose a passkey is, as it says itself: the id, which tells nothing of a person. */
export function userHandleOf(principalId: PrincipalId): string {
  return toBase64Url(toUtf8(principalId))
}
