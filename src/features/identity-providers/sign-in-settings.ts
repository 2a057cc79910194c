/** What signing in by a provider needs: who Locket is at the provider, and what it asks for there. */
import { z } from 'zod'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'

/** How a client shows who it is at the token endpoint (OpenID Connect Core 1.0, section 9). */
const clientAuthentications = ['client_secret_basic', 'client_secret_post', 'none'] as const

/** RFC 6749, section 3.3. */
const Scope = z
  .string()
  .regex(/^[\x21\x23-\x5B\x5D-\x7E]{1,100}$/)
  .refine((scope) => scope !== 'offline_access', 'no token of the provider is kept')

/** RFC 6749, appendix A: visible characters and blanks. */
const visible = /^[\x20-\x7E]+$/

const Words = z
  .array(z.string().min(1).max(limits.claim_characters_max))
  .max(limits.factorWords_max)

const fields = {
  clientId: z.string().min(1).max(limits.clientId_characters_max).regex(visible),
  clientAuthentication: z
    .enum(clientAuthentications)
    .describe('How the secret is shown; `none` for a client without one.'),
  scopes: z
    .array(Scope)
    .min(1)
    .max(limits.scopes_max)
    .refine((scopes) => scopes.includes('openid'), 'openid must be among them'),
  secondFactor: z
    .strictObject({ amr: Words.default([]), acr: Words.default([]) })
    .describe(
      'Values of `amr` and `acr` by which the provider says that a second factor was used.',
    ),
}

export const SignInInput = z
  .strictObject({
    clientId: fields.clientId,
    clientSecret: z
      .string()
      .min(1)
      .max(limits.clientSecret_characters_max)
      .regex(visible)
      .optional()
      .describe('Never shown again. Left out in a change: as it was.'),
    clientAuthentication: fields.clientAuthentication.default('client_secret_basic'),
    scopes: fields.scopes.default(['openid']),
    secondFactor: fields.secondFactor.default({ amr: [], acr: [] }),
  })
  .nullable()
  .describe('For signing in by it with a browser; null: nobody does.')
export type SignInInput = z.output<typeof SignInInput>

export const SignInShown = z
  .strictObject({
    ...fields,
    redirectUri: z.string().nullable().describe('To be registered at the provider, exactly.'),
  })
  .nullable()

/** As it is sealed. */
export interface SignInSettings {
  readonly clientId: string
  /** Null for a public client. */
  readonly clientSecret: string | null
  readonly clientAuthentication: (typeof clientAuthentications)[number]
  readonly scopes: readonly string[]
  /** By which of its words a second factor was used. None: by none. */
  readonly secondFactor: { readonly amr: readonly string[]; readonly acr: readonly string[] }
}

/** What is to be kept. Throws `invalid_input` where a secret is missing, or is one too many. */
export function settled(input: SignInInput, before: SignInSettings | null): SignInSettings | null {
  if (input === null) return null
  const isPublic = input.clientAuthentication === 'none'
  const isSame = before?.clientId === input.clientId
  const kept = isSame && !isPublic ? (before?.clientSecret ?? null) : null
  const clientSecret = input.clientSecret ?? kept
  if (isPublic !== (clientSecret === null)) {
    const missing = isPublic ? 'a client without authentication has none' : 'is missing'
    throw new LocketError('invalid_input', `signIn.clientSecret: ${missing}`)
  }
  return { ...input, clientSecret }
}

/** As it is answered: without the secret. */
export function shownSettings(
  settings: SignInSettings | null,
  redirectUri: string | null,
): z.output<typeof SignInShown> {
  if (settings === null) return null
  const { clientId, clientAuthentication, scopes, secondFactor } = settings
  const { amr, acr } = secondFactor
  return {
    clientId,
    clientAuthentication,
    scopes: [...scopes],
    secondFactor: { amr: [...amr], acr: [...acr] },
    redirectUri,
  }
}
