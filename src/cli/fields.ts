/** The fields of an operation's input as a command line has them: a flag each, and how it is read. */
import { LocketError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'

export type Kind = 'string' | 'number' | 'integer' | 'boolean' | 'json'

export interface Field {
  /** As the operation calls it: `sessionId`. */
  readonly name: string
  /** Without dashes: `session-id`. */
  readonly flag: string
  readonly kind: Kind
  /** `many`: a flag given again and again, or a comma list. `one or many`: a single one stands alone. */
  readonly count: 'one' | 'many' | 'one or many'
  /** The word `null` clears it. */
  readonly nullable: boolean
  readonly choices: readonly string[]
  readonly required: boolean
  readonly description: string
  /** What the server takes when it is left out, as a person writes it; empty: nothing. */
  readonly fallback: string
}

/** A value as the operation takes it, or what was expected instead. */
export type Reading = { readonly value: unknown } | { readonly expected: string }

/** Reads what the command line gave for a field, in the order it was given. */
export function readField(field: Field, texts: readonly string[]): Reading {
  if (field.nullable && texts.at(-1) === 'null') return { value: null }
  if (field.count === 'one') return readOne(field, texts.at(-1) ?? '')
  const parts = texts.flatMap((text) => (text === '' ? [] : text.split(',')))
  const readings = parts.map((part) => readOne(field, part.trim()))
  const wrong = readings.find((reading) => 'expected' in reading)
  if (wrong) return wrong
  const values = readings.flatMap((reading) => ('value' in reading ? [reading.value] : []))
  return { value: field.count === 'one or many' && values.length === 1 ? values[0] : values }
}

const words = { string: 'TEXT', number: 'NUMBER', integer: 'NUMBER', boolean: 'true|false' }

/** What stands for the value in a usage line. */
export function placeholderOf(field: Field): string {
  if (field.kind === 'json') return 'JSON'
  const word = words[field.kind]
  return field.count === 'one' ? word : `${word},…`
}

interface Reader {
  readonly expected: string
  /** Undefined when the text is not of this kind. */
  readonly read: (text: string) => unknown
}

const readers: Readonly<Record<Kind, Reader>> = {
  string: { expected: 'text', read: (text) => text },
  number: { expected: 'a number', read: (text) => toNumber(text, Number.isFinite) },
  integer: { expected: 'a whole number', read: (text) => toNumber(text, Number.isSafeInteger) },
  boolean: {
    expected: 'true or false',
    read: (text) => (['true', 'false'].includes(text) ? text === 'true' : undefined),
  },
  json: { expected: 'JSON', read: toJson },
}

function readOne(field: Field, text: string): Reading {
  if (field.choices.length > 0 && !field.choices.includes(text)) {
    return { expected: `one of ${field.choices.join(', ')}` }
  }
  const { read, expected } = readers[field.kind]
  const value = read(text)
  return value === undefined ? { expected } : { value }
}

function toNumber(text: string, fits: (value: number) => boolean): number | undefined {
  const value = Number(text)
  return text.trim() !== '' && fits(value) ? value : undefined
}

function toJson(text: string): unknown {
  try {
    return parseJson(text)
  } catch (thrown) {
    if (thrown instanceof LocketError) return undefined
    throw thrown
  }
}
