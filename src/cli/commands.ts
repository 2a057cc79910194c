/**
 * The table of commands. Local ones are listed; every operation that has the surface `cli` is a
 * remote one, by its declaration and by what `remotes` says of it. What a command runs is loaded when it
 * runs.
 */
import { auditClients } from './audit-commands.ts'
import type { ClientCommand, Command, OwnFlag, TextCommand } from './command.ts'
import { helpAnswer } from './help.ts'
import { shapeNames } from './import/shape-names.ts'
import { localCommands } from './local-commands.ts'
import { commandsOf } from './remote-command.ts'
import { remotes } from './remote-commands.ts'
import { remoteOperations } from './remote-operations.ts'
import { version } from './version.ts'

const importFlags: readonly OwnFlag[] = [
  {
    flag: 'space',
    placeholder: 'SPACE',
    description: 'Where to; nothing else says it.',
    required: true,
  },
  {
    flag: 'from',
    placeholder: 'SHAPE',
    description: `${shapeNames.join(', ')}; the file tells when absent.`,
  },
  {
    flag: 'dry-run',
    placeholder: null,
    description: 'Check every line, ask no server, store nothing.',
  },
  { flag: 'refused', placeholder: 'FILE', description: 'Write the lines that were refused there.' },
]

const clients: readonly ClientCommand[] = [
  {
    kind: 'client',
    words: 'export',
    summary: 'Write the memories of a space into a file, as JSON Lines.',
    flags: [
      { flag: 'space', placeholder: 'SPACE', description: 'Whose memories.', required: true },
      { flag: 'filter', placeholder: 'JSON', description: 'Only these, as for `list`.' },
      {
        flag: 'resume',
        placeholder: null,
        description: 'Go on after the last line of the file, if there is one.',
      },
    ],
    positionals: ['FILE'],
    run: async (call) => (await import('./export.ts')).exportCommand(call),
  },
  {
    kind: 'client',
    words: 'import',
    summary: 'Store the memories of a file: JSON Lines, or what other systems gave out.',
    flags: importFlags,
    positionals: ['FILE'],
    run: async (call) => (await import('./import.ts')).importCommand(call),
  },
  ...auditClients,
]

const texts: readonly TextCommand[] = [
  {
    kind: 'text',
    words: 'help',
    summary: 'Tell what there is, or how one command is used.',
    answer: helpAnswer,
  },
  {
    kind: 'text',
    words: 'version',
    summary: 'Tell the version.',
    answer: (_, about) => (about === '' ? { text: `Locket ${version}`, value: { version } } : null),
  },
]

/** All commands, in the order of `help`. */
export const commands: readonly Command[] = [
  ...localCommands,
  ...remoteOperations
    .filter(({ isCommand }) => isCommand)
    .flatMap((one) => commandsOf(one, remotes)),
  ...clients,
  ...texts,
]
