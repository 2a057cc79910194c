/** What an importer is: from a record of somebody else's file to memories. Each shape has a file. */
import type { ShapeName } from './shape-names.ts'

/** A JSON object of the file. */
export type JsonObject = Readonly<Record<string, unknown>>

/** A memory as a store takes it, before anything of it was checked; without a key it gets one. */
export type Draft = JsonObject

export interface Shape {
  /** As `--from` has it. */
  readonly name: ShapeName
  readonly summary: string
  /** Whether a record looks like one of this shape. */
  readonly fits: (record: JsonObject) => boolean
  /** The memories that a record holds. Throws `Refusal`; nothing in `space` comes from the file. */
  readonly drafts: (record: JsonObject, space: string) => readonly Draft[]
}

/** Why something of the file is not stored. It names places and rules, never what stands there. */
export class Refusal extends Error {
  /** As the server calls it. */
  readonly code: string
  /** Null: the record as a whole. */
  readonly field: string | null

  constructor(reason: string, field: string | null = null, code = 'invalid_input') {
    super(reason)
    this.name = 'Refusal'
    this.code = code
    this.field = field
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Those fields that say something. */
export function present(fields: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  )
}

/** All fields but those of `names`. */
export function without(record: JsonObject, names: Iterable<string>): JsonObject {
  const left = { ...record }
  for (const name of names) delete left[name]
  return left
}

/** The first of these fields that says something. */
export function firstOf(
  record: JsonObject,
  names: readonly string[],
): { name: string; value: unknown } | null {
  const name = names.find((one) => record[one] !== undefined && record[one] !== null)
  return name === undefined ? null : { name, value: record[name] }
}

/** What a source says of a memory, under the source's name beside its metadata. */
export function beside(metadata: JsonObject, source: string, said: JsonObject): JsonObject {
  if (Object.keys(said).length === 0) return metadata
  if (Object.hasOwn(metadata, source)) {
    throw new Refusal('is taken for what the source says', `metadata.${source}`)
  }
  return { ...metadata, [source]: said }
}

/** An id of the source as a key: text or a whole number. */
export function sourceKey(source: string, id: unknown): string | undefined {
  if (typeof id === 'number' && Number.isSafeInteger(id)) return `${source}:${id}`
  return typeof id === 'string' && id !== '' ? `${source}:${id}` : undefined
}
