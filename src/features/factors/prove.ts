/** Proving a factor: the one way in which all that ask for one do so. */
import type { FactorKind, PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { FactorProof, FactorRow } from './factor.ts'
import type { Shown } from './kind.ts'
import { factorKindModules } from './kinds.ts'
import { factorsOf, keepFactor, openData } from './store.ts'

interface Asked {
  readonly principalId: PrincipalId
  readonly now: number
}

/**
 * The kinds of factor that somebody can be asked for, each once, without those of which none is left;
 * none for who has no factor that counts, and so is asked for none.
 */
export async function kindsToAsk(
  store: TenantStore,
  { principalId, now }: Asked,
): Promise<FactorKind[]> {
  const rows = (await factorsOf(store, principalId, now)).filter(isActive)
  if (!rows.some(({ kind }) => factorKindModules[kind].counts)) return []
  const kinds = rows.map(async (row) => ((await isLeft(store, row)) ? [row.kind] : []))
  return [...new Set((await Promise.all(kinds)).flat())]
}

/** Codes that are all used up prove nothing any more. Of what counts by itself nothing can be used up. */
async function isLeft(store: TenantStore, row: FactorRow): Promise<boolean> {
  const { counts, codesLeft } = factorKindModules[row.kind]
  return counts || codesLeft((await openData(store, row)).own) !== 0
}

/**
 * In the transaction that acts upon it: whether this proves one of somebody's factors, and of which
 * kind; null where it proves none. That it was shown is written down, so that it counts once. Whoever
 * calls has had the try reserved (throttles/lockout.ts).
 */
export async function proveFactor(
  store: TenantStore,
  { principalId, now, ...shown }: Asked & Shown & { readonly proof: FactorProof },
): Promise<FactorKind | null> {
  for (const row of await factorsOf(store, principalId, now)) {
    const isMeant = isActive(row) && row.kind === shown.proof.kind
    if (isMeant && (await proves(store, row, { ...shown, now }))) return row.kind
  }
  return null
}

/** The same of one factor, which is active from then on. */
export async function proves(
  store: TenantStore,
  row: FactorRow,
  { now, ...shown }: Shown & { readonly now: number },
): Promise<boolean> {
  const data = await openData(store, row)
  const { principal_id: principalId, factor_id: factorId } = row
  const proving = { store, principalId, factorId, now }
  const own = await factorKindModules[row.kind].verify(proving, data.own, shown)
  if (own === null) return false
  await keepFactor(store, row, { ...data, own, usedAt_ms: now })
  return true
}

function isActive({ state }: FactorRow): boolean {
  return state === 'active'
}
