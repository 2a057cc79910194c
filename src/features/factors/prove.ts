/** Proving a factor: the one way in which all that ask for one do so. */
import type { FactorKind, PrincipalId } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { FactorProof, FactorRow } from './factor.ts'
import { factorKindModules } from './kinds.ts'
import { factorsOf, keepFactor, openData } from './store.ts'

interface Asked {
  readonly principalId: PrincipalId
  readonly now: number
}

/**
 * The kinds of factor that somebody can be asked for, each once; none for who has no factor that
 * counts, and so is asked for none.
 */
export async function kindsToAsk(
  store: TenantStore,
  { principalId, now }: Asked,
): Promise<FactorKind[]> {
  const rows = (await factorsOf(store, principalId, now)).filter(isActive)
  if (!rows.some(({ kind }) => factorKindModules[kind].counts)) return []
  return [...new Set(rows.map(({ kind }) => kind))]
}

/**
 * In the transaction that acts upon it: whether this proves one of somebody's factors, and of which
 * kind; null where it proves none. That it was shown is written down, so that it counts once. Whoever
 * calls has had the try reserved (throttles/lockout.ts).
 */
export async function proveFactor(
  store: TenantStore,
  { principalId, now, proof }: Asked & { readonly proof: FactorProof },
): Promise<FactorKind | null> {
  for (const row of await factorsOf(store, principalId, now)) {
    if (isActive(row) && row.kind === proof.kind && (await proves(store, row, { proof, now }))) {
      return row.kind
    }
  }
  return null
}

/** The same of one factor, which is active from then on. */
export async function proves(
  store: TenantStore,
  row: FactorRow,
  { proof, now }: { readonly proof: FactorProof; readonly now: number },
): Promise<boolean> {
  const data = await openData(store, row)
  const proving = { store, principalId: row.principal_id, now }
  const own = await factorKindModules[row.kind].verify(proving, data.own, proof)
  if (own === null) return false
  await keepFactor(store, row, { ...data, own, usedAt_ms: now })
  return true
}

function isActive({ state }: FactorRow): boolean {
  return state === 'active'
}
