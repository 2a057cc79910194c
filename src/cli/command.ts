/** What a command is. */
import type { Config, RemoteConfig, ServerSettings } from '../config/config.ts'
import type { SettingName } from '../config/settings.ts'
import type { Flags } from '../config/sources.ts'
import type { Field } from './fields.ts'
import type { RemoteOperation } from './remote-operations.ts'

/** What the shell is told. Scripts rely on these. */
export const exitCodes = { done: 0, failed: 1, usage: 2 } as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** A flag that is neither a setting nor a field of an operation. */
export interface OwnFlag {
  readonly flag: string
  /** Null: it takes no value. */
  readonly placeholder: string | null
  readonly description: string
  readonly required?: boolean
}

export interface LocalCall {
  readonly config: Config
  /** What the config was made of. */
  readonly settings: ServerSettings
  /** The command's own flags that were given; one without a value is the empty text. */
  readonly flags: Readonly<Record<string, string>>
  /** One for each that the command asks for. */
  readonly positionals: readonly string[]
  readonly json: boolean
  /** The config of the same command line with other flags of settings. Throws `ConfigError`. */
  readonly reread: (flags: Flags) => Config
}

/** A command that works on the data directory itself. */
export interface LocalCommand {
  readonly kind: 'local'
  /** `keys recover`. */
  readonly words: string
  readonly summary: string
  /** The settings that it heeds. */
  readonly settings: readonly SettingName[]
  readonly flags: readonly OwnFlag[]
  /** The values that must be given without a flag, as usage lines have them: `URL`. */
  readonly positionals?: readonly string[]
  /** Flags of settings that the command's own flags stand for. */
  readonly implied?: (own: Readonly<Record<string, string>>) => Flags
  readonly run: (call: LocalCall) => Promise<ExitCode>
}

/** A command that asks a running server for one operation. */
export interface RemoteCommand {
  readonly kind: 'remote'
  readonly words: string
  readonly summary: string
  readonly operation: Omit<RemoteOperation, 'fields' | 'isCommand'>
  /** What may be given: all of the operation's fields, or only some. */
  readonly fields: readonly Field[]
  /** Fields that may be given without their flag, in order. */
  readonly positionals: readonly Field[]
  /** What the command itself says, such as `state` for `disable`. */
  readonly fixed: Readonly<Record<string, unknown>>
  /** The field for which `-` means standard input. */
  readonly stdin: string | null
  /** The columns of the answer as a table; empty: one line for each of its fields. */
  readonly columns: readonly string[]
}

export interface ClientCall {
  /** Where the server is, and the key; read when it is asked for. Throws `ConfigError`. */
  readonly server: () => RemoteConfig
  /** The flags that were given; one without a value is the empty text. */
  readonly flags: Readonly<Record<string, string>>
  /** One for each that the command asks for. */
  readonly positionals: readonly string[]
  readonly json: boolean
}

/** A command that asks a running server for many operations, and works on files here. */
export interface ClientCommand {
  readonly kind: 'client'
  readonly words: string
  readonly summary: string
  readonly flags: readonly OwnFlag[]
  readonly positionals: readonly string[]
  readonly run: (call: ClientCall) => Promise<ExitCode>
}

/** A command that only tells something about the program. */
export interface TextCommand {
  readonly kind: 'text'
  readonly words: string
  readonly summary: string
  readonly answer: (
    commands: readonly Command[],
    about: string,
  ) => { text: string; value: unknown } | null
}

export type Command = LocalCommand | RemoteCommand | ClientCommand | TextCommand

/** What was wrong with a command line: all of it, one line each. */
export class UsageError extends Error {
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.name = 'UsageError'
    this.mistakes = mistakes
  }
}
