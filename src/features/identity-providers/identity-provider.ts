/**
 * Identity providers: issuers of tokens (Keycloak, Auth0, Okta) whose word on who somebody is counts in
 * this tenant, and in no other. A token says by its audience for which tenant it was made, so whoever
 * registers an issuer elsewhere gets none of the tokens that are meant for this one.
 */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { type Id, isId } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { type Algorithm, algorithms, keyTypeOf } from '../../crypto/external-token.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { PrincipalIdField } from '../principals/principal.ts'
import { RoleRef } from '../roles/role.ts'
import { problems } from './problems.ts'
import { SignInInput, type SignInSettings, SignInShown, shownSettings } from './sign-in-settings.ts'

export type ProviderRow = Tables['identity_providers']
export type ProviderId = Id<'idp'>

const audiencePrefix = 'urn:locket:'

/** What tokens for a tenant have to name as their audience. */
export function audienceOf(tenant: Id<'ten'>): string {
  return audiencePrefix + tenant
}

/** The tenant that an audience names; null for one that names none. */
export function tenantOfAudience(audience: string): Id<'ten'> | null {
  if (!audience.startsWith(audiencePrefix)) return null
  const tenant = audience.slice(audiencePrefix.length)
  return isId('ten', tenant) ? tenant : null
}

const ClaimName = z.string().min(1).max(limits.claim_characters_max)

/** Who has this value in this claim, alone or in a list, has the role for as long as the token lasts. */
export const ClaimRule = z.strictObject({
  claim: z
    .array(ClaimName)
    .min(1)
    .max(limits.claimPath_max)
    .describe('The name of the claim; further names lead into objects within it.'),
  value: z.string().min(1).max(limits.claim_characters_max),
  role: RoleRef,
})
export type ClaimRule = z.output<typeof ClaimRule>

/** Spelled as the URL parser spells it, so that there is one way to write it; as tokens have it. */
function isIssuer(text: string): boolean {
  const url = URL.parse(text)
  if (!url || !(url.href === text || url.href === `${text}/`)) return false
  return /^https?:$/.test(url.protocol) && !/[?#@]/.test(text)
}

export const ProviderFields = {
  name: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?$/, 'up to 24 lower case letters, digits, hyphens')
    .describe('Handles of users that it brings begin with it.'),
  issuer: z
    .string()
    .max(limits.issuer_characters_max)
    .refine(isIssuer, 'the URL of an issuer, exactly as its tokens have it')
    .describe('Exactly as `iss` is in its tokens. Its host must be on the server’s egress list.'),
  algorithms: z
    .array(z.enum(algorithms))
    .min(1)
    .max(algorithms.length)
    .refine(
      (list) => new Set(list.map(keyTypeOf)).size === 1,
      'algorithms of one kind of key: RS… and PS…, ES…, or EdDSA',
    ),
  tokenType: z
    .enum(['at+jwt', 'JWT'])
    .describe('`typ` of its access tokens; `JWT` also takes those that say none.'),
  createUsers: z
    .boolean()
    .describe('Whether people whom it knows become users here when they first come.'),
  rules: z
    .array(ClaimRule)
    .max(limits.claimRules_max)
    .describe('Which claims give which roles; without one they give none.'),
  signIn: SignInInput,
  state: z.enum(['active', 'disabled']),
}

/** What is sealed of a provider. */
export interface ProviderDetails {
  readonly name: string
  readonly issuer: string
  readonly algorithms: readonly Algorithm[]
  readonly tokenType: 'at+jwt' | 'JWT'
  readonly createUsers: boolean
  readonly rules: readonly ClaimRule[]
  /** Null: nobody signs in by it. */
  readonly signIn: SignInSettings | null
}

/** How this node stands with the keys of a provider. */
export const KeyState = z.strictObject({
  state: z.enum(['unknown', 'current', 'old', 'missing']),
  fetchedAt: Timestamp.nullable(),
  problem: z.enum(problems).nullable().describe('Why the last try to get them failed.'),
})
export type KeyState = z.output<typeof KeyState>

export const IdentityProvider = z.strictObject({
  id: idField('idp'),
  name: z.string(),
  issuer: z.string(),
  audience: z.string().describe('What its tokens have to name in `aud`.'),
  algorithms: z.array(z.string()),
  tokenType: ProviderFields.tokenType,
  createUsers: z.boolean(),
  rules: z.array(ClaimRule),
  signIn: SignInShown,
  state: ProviderFields.state,
  keys: KeyState,
  createdAt: Timestamp,
  createdBy: PrincipalIdField,
  updatedAt: Timestamp,
})
export type IdentityProvider = z.output<typeof IdentityProvider>

export async function openDetails(store: TenantStore, row: ProviderRow): Promise<ProviderDetails> {
  const cell = { table: 'identity_providers', row: row.provider_id, column: 'details' } as const
  const opened = (await store.open('tenant', cell, row.details)) as ProviderDetails
  // Those that were sealed before people could sign in by a provider do not say.
  return { ...opened, signIn: opened.signIn ?? null }
}

/** Where a provider sends browsers back to; null where it is not known how the server is reached. */
export function redirectUriOf(publicUrl: string | null, id: ProviderId): string | null {
  return publicUrl && `${publicUrl}/v1/oidc/${id}/callback`
}

export async function toProvider(
  store: TenantStore,
  row: ProviderRow,
  { keys, publicUrl }: { keys: KeyState; publicUrl: string | null },
): Promise<IdentityProvider> {
  const details = await openDetails(store, row)
  return {
    id: row.provider_id,
    name: details.name,
    issuer: details.issuer,
    audience: audienceOf(row.tenant_id),
    algorithms: [...details.algorithms],
    tokenType: details.tokenType,
    createUsers: details.createUsers,
    rules: details.rules.map((rule) => ({ ...rule, claim: [...rule.claim] })),
    signIn: shownSettings(details.signIn, redirectUriOf(publicUrl, row.provider_id)),
    state: row.state,
    keys,
    createdAt: toTimestamp(row.created_at),
    createdBy: row.created_by,
    updatedAt: toTimestamp(row.updated_at),
  }
}
