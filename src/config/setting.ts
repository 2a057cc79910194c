/** What a setting is. */
import type { z } from 'zod'

/** One setting. Reference pages and `--help` are made from these. */
export interface Setting<Value = unknown> {
  /** Null when a flag would show a secret to every process of the machine. */
  readonly flag: string | null
  readonly env: string
  /** Follows "expected": what a right value looks like. */
  readonly expects: string
  /** What it is in the settings file: text unless said. On flags and in variables all is text. */
  readonly kind?: 'number' | 'switch' | 'list'
  /** As a person would write it; null when there is none, or `fallback` says what stands in. */
  readonly default: string | null
  readonly fallback?: string
  readonly description: string
  /** It says where keys and data are: without its value, others would be made or served. */
  readonly vital?: true
  /** The variable that may stand in its place: with that, it may be empty in spite of being vital. */
  readonly replacedBy?: string
  /** How a value is shown when the whole of it must not be, or what is made of it cannot be. */
  readonly mask?: (text: string) => string
  readonly schema: z.ZodType<Value, string>
}

/** Keeps the type of the value that the schema makes. */
export function setting<Value>(declared: Setting<Value>): Setting<Value> {
  return declared
}

/**
 * Whether an empty flag or variable takes away what a lower source says. Not a secret, nor what is
 * vital, nor the file: there an empty text is rather a value that got lost on the way here.
 */
export function canBeUnset(one: Setting): boolean {
  return one.default === null && one.vital !== true && fileKey(one) !== null
}

/** What was given, as it may be shown: no secret is in it. */
export function shownText({ mask }: Setting, text: string): string {
  return mask ? mask(text) : text
}

/** What stands for a secret. */
export function hidden(): string {
  return '********'
}

/**
 * The key in the settings file: the flag's name. What has no flag has no key: a file is copied and
 * committed, and a secret would go with it. Nor does the file say where the file is.
 */
export function fileKey({ flag }: Setting): string | null {
  return flag === 'config' ? null : flag
}
