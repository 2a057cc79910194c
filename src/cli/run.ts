/** From the words of a command line to one command and its exit code. */
import { type Config, ConfigError, readRemoteConfig, readServerSettings } from '../config/config.ts'
import { settings } from '../config/settings.ts'
import type { Flags } from '../config/sources.ts'
import {
  type Arguments,
  assignFields,
  parseArguments,
  readInput,
  repeatedIn,
  surplusIn,
} from './arguments.ts'
import {
  type ClientCommand,
  type Command,
  type ExitCode,
  exitCodes,
  type LocalCommand,
  type RemoteCommand,
  type TextCommand,
  UsageError,
} from './command.ts'
import { commands } from './commands.ts'
import { commandHelp, helpAnswer, unknownCommand, usageLine } from './help.ts'
import { readStdin } from './input.ts'
import { print, printError, printJson } from './output.ts'
import { runRemote } from './remote.ts'

/** Runs the command that `argv` names and tells what to exit with. */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  const found = findCommand(argv)
  if (!found) return notFound(argv)
  const { command, rest } = found
  try {
    return await runCommand(command, rest)
  } catch (thrown) {
    if (thrown instanceof UsageError) {
      for (const mistake of thrown.mistakes) printError(mistake)
      printError(usageLine(command))
      return exitCodes.usage
    }
    if (!(thrown instanceof ConfigError)) throw thrown
    for (const mistake of thrown.mistakes) printError(mistake)
    return exitCodes.usage
  }
}

interface Found {
  readonly command: Command
  readonly rest: readonly string[]
}

/** The command of the most words that the line begins with. */
function findCommand(argv: readonly string[]): Found | null {
  const [first = ''] = argv
  const name = { '--version': 'version', '--help': 'help', '-h': 'help' }[first] ?? first
  for (const words of [[name, argv[1]].join(' '), name]) {
    const command = commands.find((one) => one.words === words)
    if (command) return { command, rest: argv.slice(words.split(' ').length) }
  }
  return null
}

/** A group such as `keys` has no command of its own; its help is not hard to guess. */
function notFound(argv: readonly string[]): ExitCode {
  const words = argv.filter((word) => !word.startsWith('-'))
  const group = helpAnswer(commands, words[0] ?? '')
  const asked = argv.includes('--help') || argv.includes('-h')
  if (group && words.length <= 1) {
    if (asked) print(group.text)
    else printError(group.text)
    return asked ? exitCodes.done : exitCodes.usage
  }
  printError(unknownCommand(commands, group ? words.slice(0, 2).join(' ') : (words[0] ?? '')))
  printError('`locket help` tells what there is')
  return exitCodes.usage
}

async function runCommand(command: Command, argv: readonly string[]): Promise<ExitCode> {
  const given = parseArguments(argv, flagNames(command), switchNames(command))
  if (given.help) {
    print(commandHelp(command))
    return exitCodes.done
  }
  if (command.kind === 'text') return tell(command, given)
  if (command.kind === 'client') return runClient(command, given)
  return command.kind === 'local' ? runLocal(command, given) : runOnServer(command, given)
}

function tell(command: TextCommand, given: Arguments): ExitCode {
  const about = given.positionals.join(' ')
  const answer = command.answer(commands, about)
  const unknown = answer ? [] : [unknownCommand(commands, about)]
  if (!answer || given.mistakes.length > 0) throw new UsageError([...given.mistakes, ...unknown])
  if (given.json) printJson(answer.value)
  else print(answer.text)
  return exitCodes.done
}

async function runLocal(command: LocalCommand, given: Arguments): Promise<ExitCode> {
  const { flags, others } = flagsOf(command, given)
  const set = { ...others, ...command.implied?.(flags) }
  const read = readAll(mistakesIn(command, given), () => readServerSettings(set))
  const reread = (changed: Flags): Config => readServerSettings({ ...set, ...changed }).config
  const { positionals, json } = given
  return command.run({ config: read.config, settings: read, flags, positionals, json, reread })
}

async function runClient(command: ClientCommand, given: Arguments): Promise<ExitCode> {
  const absent = command.flags.filter(({ flag, required }) => required && !given.values.has(flag))
  const mistakes = [
    ...mistakesIn(command, given),
    ...absent.map(({ flag }) => `--${flag}: required`),
  ]
  if (mistakes.length > 0) throw new UsageError(mistakes)
  const { positionals, json } = given
  const { flags } = flagsOf(command, given)
  return command.run({ server: readRemoteConfig, flags, positionals, json })
}

type OwnFlags = LocalCommand | ClientCommand

/** What is wrong with a line that must give every positional value, and no flag twice. */
function mistakesIn(command: OwnFlags, given: Arguments): readonly string[] {
  const asked = command.positionals ?? []
  const missing = asked.slice(given.positionals.length).map((name) => `${name}: required`)
  return [
    ...given.mistakes,
    ...repeatedIn(given, flagNames(command)),
    ...surplusIn(given, asked.length),
    ...missing,
  ]
}

/** The command's own flags, and those that are settings. */
function flagsOf(command: OwnFlags, given: Arguments): Readonly<Record<'flags' | 'others', Flags>> {
  const values = [...given.values].map(([flag, texts]) => [flag, texts.at(-1) ?? ''] as const)
  const isOwn = (flag: string): boolean => command.flags.some((one) => one.flag === flag)
  const switched = switchNames(command).filter((flag) => given.switched.has(flag))
  return {
    flags: Object.fromEntries([
      ...values.filter(([flag]) => isOwn(flag)),
      ...switched.map((flag) => [flag, ''] as const),
    ]),
    others: Object.fromEntries(values.filter(([flag]) => !isOwn(flag))),
  }
}

async function runOnServer(command: RemoteCommand, given: Arguments): Promise<ExitCode> {
  const { texts, mistakes } = assignFields(command, given)
  const filled = new Map(texts)
  const wantsStdin = command.stdin !== null && texts.get(command.stdin)?.at(-1) === '-'
  if (command.stdin !== null && wantsStdin && mistakes.length === 0) {
    filled.set(command.stdin, [await readStdin(command.operation.bodyLimit_bytes)])
  }
  const read = readInput(command, filled)
  const config = readAll([...mistakes, ...read.mistakes], readRemoteConfig)
  return runRemote(command, { config, input: read.input, json: given.json })
}

/** Reads the settings, and tells their mistakes together with those of the command line. */
function readAll<Settings>(mistakes: readonly string[], read: () => Settings): Settings {
  const wrong: string[] = []
  try {
    const config = read()
    if (mistakes.length === 0) return config
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown
    if (mistakes.length === 0) throw thrown
    wrong.push(...thrown.mistakes)
  }
  throw new UsageError([...mistakes, ...wrong])
}

/** The flags of a command that take a value. */
function flagNames(command: Command): readonly string[] {
  if (command.kind === 'remote') return command.fields.map((field) => field.flag)
  if (command.kind === 'text') return []
  const own = command.flags.filter((one) => one.placeholder !== null).map((one) => one.flag)
  if (command.kind === 'client') return own
  return [...own, ...command.settings.flatMap((name) => settings[name].flag ?? [])]
}

/** The flags of a command that take none, besides those of every command. */
function switchNames(command: Command): readonly string[] {
  if (command.kind === 'remote' || command.kind === 'text') return []
  return command.flags.filter((one) => one.placeholder === null).map((one) => one.flag)
}
