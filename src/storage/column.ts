/**
 * What a column is made by: each function gives it a classification. `sensitive` and `secret` columns take
 * only sealed bytes, so nothing can be put there in clear.
 */
import type { Classification } from '../core/classification.ts'
import type { Sealed } from '../crypto/aead.ts'
import type { Blind } from '../crypto/blind-index.ts'

export interface Column<T> {
  readonly type: 'text' | 'integer' | 'bytes'
  readonly nullable: boolean
  readonly classification: Classification
  /** Counters grant nothing and change with each write, so the row's MAC leaves them out. */
  readonly counter: boolean
  /** Only for the compiler: what the column holds. */
  readonly value?: T
}

const clear = { nullable: false, classification: 'public', counter: false } as const

export const text = <T extends string = string>(): Column<T> => ({ type: 'text', ...clear })
export const integer = (): Column<number> => ({ type: 'integer', ...clear })
export const counter = (): Column<number> => ({ type: 'integer', ...clear, counter: true })
export const blind = (): Column<Blind> => ({ type: 'bytes', ...clear })
export const digest = (): Column<Uint8Array> => ({ type: 'bytes', ...clear })
export const sensitive = (): Column<Sealed> => ({
  type: 'bytes',
  ...clear,
  classification: 'sensitive',
})
export const secret = (): Column<Sealed> => ({ type: 'bytes', ...clear, classification: 'secret' })
export const nullable = <T>(column: Column<T>): Column<T | null> => ({
  type: column.type,
  nullable: true,
  classification: column.classification,
  counter: column.counter,
})
