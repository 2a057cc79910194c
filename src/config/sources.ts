/** Where a value comes from: a flag, else the environment, else the file, else the default. */
import type { SettingsFile } from './file.ts'
import { didYouMean } from './near.ts'
import { canBeUnset, fileKey, type Setting } from './setting.ts'
import { type SettingName, settings, type Values } from './settings.ts'

/** Values by the name of their flag. */
export type Flags = Readonly<Record<string, string>>
export type Environment = Readonly<Record<string, string | undefined>>

export type Source = 'flag' | 'environment' | 'file' | 'default'

export interface Given {
  readonly source: Source
  /** What its giver calls it: `--port`, `LOCKET_PORT`, `locket.toml:port`. */
  readonly label: string
  readonly text: string
}

export interface Sources {
  readonly flags: Flags
  readonly env: Environment
  readonly file: SettingsFile | null
}

/** What was given for every setting, what was made of it, and what is wrong with it. */
export interface Reading {
  readonly given: ReadonlyMap<SettingName, Given>
  readonly values: Values
  /** What was given and is no setting, and what is wrong with the file as a whole. */
  readonly unknown: readonly string[]
  /** Settings whose value is not what was expected. */
  readonly wrong: readonly string[]
}

export const allSettings = Object.entries(settings) as readonly (readonly [SettingName, Setting])[]

/** Reads all settings, also those that the command does not need: a mistake is told at once. */
export function readSettings(sources: Sources): Reading {
  const unknown = [
    ...unknownFlags(sources.flags),
    ...unknownVariables(sources.env),
    ...(sources.file?.mistakes ?? []),
  ]
  const wrong: string[] = []
  const values: Record<string, unknown> = {}
  const given = new Map<SettingName, Given>()
  for (const [name, one] of allSettings) {
    const found = findSetting(one, sources) ?? defaultOf(one)
    if (found === null || isUnset(one, found, sources)) continue
    given.set(name, found)
    const parsed = one.schema.safeParse(found.text)
    if (parsed.success) values[name] = parsed.data
    else wrong.push(`${found.label}: expected ${one.expects}`)
  }
  return { given, values, unknown, wrong }
}

/** The setting from the first source that has it. */
export function findSetting(one: Setting, { flags, env, file }: Sources): Given | null {
  const flag = one.flag === null ? undefined : flags[one.flag]
  if (flag !== undefined) return { source: 'flag', label: `--${one.flag}`, text: flag }
  const variable = env[one.env]
  if (variable !== undefined) return { source: 'environment', label: one.env, text: variable }
  const key = fileKey(one)
  const text = key === null ? undefined : file?.texts.get(key)
  if (text === undefined) return null
  return { source: 'file', label: `${file?.path}:${key}`, text }
}

/** An empty list is a list; an empty text of anything else is there to take something away. */
function isUnset(one: Setting, { source, text }: Given, { env }: Sources): boolean {
  const isOver = source === 'flag' || source === 'environment'
  const isReplaced = one.replacedBy !== undefined && env[one.replacedBy] !== undefined
  return isOver && text === '' && one.kind !== 'list' && (canBeUnset(one) || isReplaced)
}

function defaultOf(one: Setting): Given | null {
  if (one.default === null) return null
  return { source: 'default', label: 'the default', text: one.default }
}

function unknownFlags(flags: Flags): string[] {
  const known = allSettings.flatMap(([, one]) => (one.flag === null ? [] : [`--${one.flag}`]))
  return Object.keys(flags)
    .map((flag) => `--${flag}`)
    .filter((flag) => !known.includes(flag))
    .map((flag) => `${flag}: there is no such flag${didYouMean(flag, known)}`)
}

function unknownVariables(env: Environment): string[] {
  const known = allSettings.map(([, one]) => one.env)
  return Object.keys(env)
    .filter((name) => name.startsWith('LOCKET_') && !name.startsWith('LOCKET_TEST_'))
    .filter((name) => !known.includes(name))
    .map((name) => `${name}: there is no such setting${didYouMean(name, known)}`)
}
