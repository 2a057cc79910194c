/** Whose a key is. */
import type { Id } from '../core/ids.ts'

export type PrincipalId = Id<'usr' | 'agt' | 'svc'>

/** Which key sealed a value: the tenant's own, its look-up key, its pepper, a space's, a principal's. */
export type KeyScope = 'tenant' | 'lookup' | 'pepper' | Id<'spc'> | PrincipalId
