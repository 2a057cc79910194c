/** What stands after a command's words: flags and positional values, with all mistakes at once. */
import { parseArgs } from 'node:util'
import { didYouMean } from '../config/near.ts'
import type { RemoteCommand } from './command.ts'
import { type Field, readField } from './fields.ts'

export interface Arguments {
  /** What was given for each flag that takes a value, in order. */
  readonly values: ReadonlyMap<string, readonly string[]>
  readonly positionals: readonly string[]
  /** The flags without a value that were given. */
  readonly switched: ReadonlySet<string>
  readonly json: boolean
  readonly help: boolean
  readonly mistakes: readonly string[]
}

/** The flags of every command. They take no value. */
const everySwitch: readonly string[] = ['json', 'help']

type Token = NonNullable<ReturnType<typeof tokensOf>>[number]
type OptionToken = Extract<Token, { kind: 'option' }>

/** Takes a command line apart. `flags` are those that take a value, `ownSwitches` those that do not. */
export function parseArguments(
  argv: readonly string[],
  flags: readonly string[],
  ownSwitches: readonly string[] = [],
): Arguments {
  const known: Known = { flags, switches: [...everySwitch, ...ownSwitches] }
  const values = new Map<string, string[]>()
  const positionals: string[] = []
  const mistakes: string[] = []
  const switched = new Set<string>()
  for (const token of tokensOf(argv, known) ?? []) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const mistake = mistakeIn(token, known)
    if (mistake !== null) mistakes.push(mistake)
    else if (token.value === undefined) switched.add(token.name)
    else values.set(token.name, [...(values.get(token.name) ?? []), token.value])
  }
  return {
    values,
    positionals,
    mistakes,
    switched,
    json: switched.has('json'),
    help: switched.has('help'),
  }
}

/** What the command line gave for each field, by the field's name. */
export interface Assigned {
  readonly texts: ReadonlyMap<string, readonly string[]>
  readonly mistakes: readonly string[]
}

/**
 * Gives the positional values to the fields that no flag gave, in their order. When there are fewer
 * values than fields, those go without that may: `store TEXT` leaves out the space.
 */
export function assignFields(command: RemoteCommand, given: Arguments): Assigned {
  const texts = new Map<string, readonly string[]>()
  for (const field of command.fields) {
    const values = given.values.get(field.flag)
    if (values) texts.set(field.name, values)
  }
  const open = command.positionals.filter((field) => !texts.has(field.name))
  const count = given.positionals.length
  const filled = dropOptional(open, count)
  for (const [at, field] of filled.slice(0, count).entries()) {
    texts.set(field.name, [given.positionals[at] ?? ''])
  }
  const missing = command.fields.filter((field) => field.required && !texts.has(field.name))
  const single = command.fields.filter((field) => field.count === 'one').map(({ flag }) => flag)
  return {
    texts,
    mistakes: [
      ...given.mistakes,
      ...repeatedIn(given, single),
      ...missing.map((field) => `${nameOf(command, field)}: is missing`),
      ...surplusIn(given, filled.length),
    ],
  }
}

/** The operation's input, or what is wrong with it. */
export function readInput(
  command: RemoteCommand,
  texts: ReadonlyMap<string, readonly string[]>,
): { input: Readonly<Record<string, unknown>>; mistakes: readonly string[] } {
  const input: Record<string, unknown> = { ...command.fixed }
  const mistakes: string[] = []
  for (const field of command.fields) {
    const given = texts.get(field.name)
    if (!given) continue
    const reading = readField(field, given)
    if ('value' in reading) input[field.name] = reading.value
    else mistakes.push(`${nameOf(command, field)}: expected ${reading.expected}`)
    if (isInPath(command, field) && !/^[\w-]+$/.test(given.at(-1) ?? '')) {
      mistakes.push(`${nameOf(command, field)}: expected an id`)
    }
  }
  return { input, mistakes }
}

/**
 * What is wrong with positional values when a command takes `count` of them. They are counted, not
 * repeated: one may be a secret. After a flag that is not known they may be its value, and are let be.
 */
export function surplusIn(given: Arguments, count: number): readonly string[] {
  const surplus = given.positionals.length - count
  if (surplus <= 0 || given.mistakes.length > 0) return []
  return [`${surplus} more than the ${count} values that this takes; quote text with spaces`]
}

/** Of flags that take one value, those given more than once: which of them is meant nobody knows. */
export function repeatedIn(given: Arguments, flags: readonly string[]): readonly string[] {
  return flags
    .filter((flag) => (given.values.get(flag)?.length ?? 0) > 1)
    .map((flag) => `--${flag}: is given more than once`)
}

/** A positional value as usage lines have it. */
export function positionalName(field: Field): string {
  return field.flag.toUpperCase()
}

interface Known {
  readonly flags: readonly string[]
  readonly switches: readonly string[]
}

function tokensOf(argv: readonly string[], { flags, switches }: Known) {
  const options = {
    ...Object.fromEntries(switches.map((flag) => [flag, { type: 'boolean' } as const])),
    help: { type: 'boolean', short: 'h' },
    ...Object.fromEntries(flags.map((flag) => [flag, { type: 'string' } as const])),
  } as const
  return parseArgs({ args: [...argv], options, strict: false, tokens: true }).tokens
}

function dashed(flag: string): string {
  return `--${flag}`
}

function mistakeIn(token: OptionToken, { flags, switches }: Known): string | null {
  const { name, rawName, value, inlineValue } = token
  if (switches.includes(name)) {
    return value === undefined ? null : `${rawName}: takes no value`
  }
  if (!flags.includes(name)) {
    return `${rawName}: there is no such flag${didYouMean(rawName, [...flags, ...switches].map(dashed))}`
  }
  if (value === undefined) return `${rawName}: needs a value`
  // `--space --json` is more likely a value forgotten than a space called `--json`.
  const looksLikeFlag = !inlineValue && value.startsWith('-') && value.length > 1
  return looksLikeFlag ? `${rawName}: needs a value (${rawName}=… if it begins with -)` : null
}

/** Leaves out optional fields, the last first, until `count` values are enough. */
function dropOptional(fields: readonly Field[], count: number): readonly Field[] {
  const kept = [...fields]
  while (kept.length > count) {
    const at = kept.findLastIndex((field) => !field.required)
    if (at === -1) break
    kept.splice(at, 1)
  }
  return kept
}

/** A part of a path is an id; `..` there would ask for another path. */
function isInPath(command: RemoteCommand, field: Field): boolean {
  return command.operation.path.includes(`{${field.name}}`)
}

function nameOf(command: RemoteCommand, field: Field): string {
  return command.positionals.includes(field) ? positionalName(field) : `--${field.flag}`
}
