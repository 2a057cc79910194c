/** What `help` and `--help` say, made from the table of commands. */
import { didYouMean } from '../config/near.ts'
import type { Setting } from '../config/setting.ts'
import { settings } from '../config/settings.ts'
import { positionalName } from './arguments.ts'
import type {
  ClientCommand,
  Command,
  LocalCommand,
  OwnFlag,
  RemoteCommand,
  TextCommand,
} from './command.ts'
import { type Field, placeholderOf } from './fields.ts'
import { columns } from './layout.ts'

const everywhere = [
  ['  --json', 'Answer in JSON, on one line.'],
  ['  --help', 'Tell how the command is used.'],
] as const

/** The answer to `help [COMMAND]`, or null when there is no such command. */
export function helpAnswer(
  commands: readonly Command[],
  about: string,
): { text: string; value: unknown } | null {
  const value = commands.map(({ words, summary }) => ({ command: words, summary }))
  if (about === '') return { text: overview(commands), value }
  const command = commands.find(({ words }) => words === about)
  if (command) return { text: commandHelp(command), value: value.find(isAbout(about)) }
  const group = commands.filter(({ words }) => words.startsWith(`${about} `))
  return group.length === 0 ? null : { text: overview(group), value }
}

/** How one command is used: one line. */
export function usageLine(command: Command): string {
  const parts = ['usage: locket', command.words]
  if (command.kind === 'client') parts.push(...requiredFlags(command))
  if (command.kind !== 'text') parts.push(...positionalsOf(command))
  if (command.words === 'help') parts.push('[COMMAND]')
  return [...parts, '[flags]'].join(' ')
}

/** How one command is used, all of it. */
export function commandHelp(command: Command): string {
  const own = flagsOf(command)
  return [
    command.summary,
    '',
    usageLine(command),
    '',
    columns([...own, ...everywhere]),
    ...environmentOf(command),
  ].join('\n')
}

/** Why a command was not found, and what may have been meant. */
export function unknownCommand(commands: readonly Command[], tried: string): string {
  const known = new Set(commands.flatMap(({ words }) => [words, words.split(' ')[0] ?? words]))
  return `${tried}: there is no such command${didYouMean(tried, known)}`
}

function overview(commands: readonly Command[]): string {
  const rows = commands.map((command) => {
    const usage = command.kind === 'text' ? [] : positionalsOf(command)
    return [`  ${[command.words, ...usage].join(' ')}`, command.summary]
  })
  return ['usage: locket COMMAND [flags]', '', columns(rows), '', columns(everywhere)].join('\n')
}

function positionalsOf(command: Exclude<Command, TextCommand>): readonly string[] {
  if (command.kind !== 'remote') return command.positionals ?? []
  return command.positionals.map((field) =>
    field.required ? positionalName(field) : `[${positionalName(field)}]`,
  )
}

function requiredFlags({ flags }: ClientCommand): readonly string[] {
  return flags
    .filter(({ required }) => required)
    .map(({ flag, placeholder }) => `--${flag} ${placeholder}`)
}

function flagsOf(command: Command): string[][] {
  if (command.kind === 'remote') return command.fields.map((field) => fieldLine(command, field))
  if (command.kind === 'client') return command.flags.map(ownFlagLine)
  return command.kind === 'local' ? localFlags(command) : []
}

function fieldLine(command: RemoteCommand, field: Field): string[] {
  const said = field.description.replaceAll('`', '')
  const notes = [
    field.choices.join(', '),
    field.required ? 'required' : '',
    field.fallback === '' ? '' : `default ${field.fallback}`,
    command.stdin === field.name ? '- reads standard input' : '',
  ].filter((note) => note !== '')
  const noted = notes.length === 0 ? [] : [`(${notes.join('; ')})`]
  return [`  --${field.flag} ${placeholderOf(field)}`, [said, ...noted].join(' ').trim()]
}

function localFlags(command: LocalCommand): string[][] {
  const own = command.flags.map(ownFlagLine)
  const heeded = command.settings
    .map((name): Setting => settings[name])
    .flatMap((one) => (one.flag === null ? [] : [[`  --${one.flag} VALUE`, settingNote(one)]]))
  return [...own, ...heeded]
}

function ownFlagLine({ flag, placeholder, description, required }: OwnFlag): string[] {
  const noted = required ? `${description} (required)` : description
  return [`  --${[flag, placeholder ?? ''].join(' ').trimEnd()}`, noted]
}

function settingNote(one: Setting): string {
  const fallback = one.default ?? one.fallback
  const notes = [...(fallback === undefined ? [] : [`default ${fallback}`]), one.env]
  return `${one.description} (${notes.join('; ')})`
}

/** Settings of the command that have no flag. */
function environmentOf(command: Command): string[] {
  const names = command.kind === 'local' ? command.settings : (['url', 'apiKey'] as const)
  const rows = names
    .map((name): Setting => settings[name])
    .filter((one) => one.flag === null && command.kind !== 'text')
    .map((one) => [`  ${one.env}`, noteWithoutName(one)])
  return rows.length === 0 ? [] : ['', 'environment', columns(rows)]
}

function noteWithoutName(one: Setting): string {
  return one.default === null ? one.description : `${one.description} (default ${one.default})`
}

function isAbout(about: string) {
  return ({ command }: { command: string }): boolean => command === about
}
