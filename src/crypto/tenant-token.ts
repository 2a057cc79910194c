/**
 * Secrets that say whose they are: a mark of their kind, the tenant and the row (neither of them secret), and 256
 * random bits. So the row is found in one look-up, in its tenant, and nothing has to be kept beside
 * the tenants for it. What is stored is a keyed hash of the whole text.
 */
import { type Id, type IdPrefix, idPattern } from '../core/ids.ts'
import { randomBase62 } from './token-hash.ts'

/**
 * `lki_`: a link that sets a password; `lks_`: a sign-in, in its cookie; `lkc_`: one that waits for a
 * factor; `lke_`: the proof of an e-mail address.
 */
export type TokenMark = 'lki' | 'lks' | 'lkc' | 'lke'

export interface TokenOwner<Prefix extends IdPrefix> {
  readonly tenant: Id<'ten'>
  readonly id: Id<Prefix>
}

const secret = /^[0-9A-Za-z]{43}$/
const longest = 150

export function newTenantToken(mark: TokenMark, { tenant, id }: TokenOwner<IdPrefix>): string {
  return `${mark}_${bare(tenant)}_${bare(id)}_${randomBase62(43)}`
}

/** Whose token it is, by its form; null for what is none of this kind. */
export function ownerOfToken<Prefix extends IdPrefix>(
  mark: TokenMark,
  prefix: Prefix,
  text: string,
): TokenOwner<Prefix> | null {
  const [kind, ten, row, rest, ...more] = text.slice(0, longest).split('_')
  const tenant = `ten_${ten}` as const
  const id = `${prefix}_${row}` as const
  const isWhole = kind === mark && secret.test(rest ?? '') && more.length === 0
  if (!isWhole || !idPattern('ten').test(tenant) || !idPattern(prefix).test(id)) return null
  return { tenant, id: id as Id<Prefix> }
}

function bare(id: Id): string {
  return id.slice(id.indexOf('_') + 1)
}
