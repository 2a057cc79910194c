/**
 * The table of commands. Local ones are listed; every operation that has the surface `cli` is a
 * remote one, by its declaration and by what `remotes` says of it.
 */
import { operations } from '../operations.ts'
import { auditClients } from './audit-commands.ts'
import type { ClientCommand, Command, TextCommand } from './command.ts'
import { exportCommand } from './export.ts'
import { helpAnswer } from './help.ts'
import { importCommand, importFlags } from './import.ts'
import { localCommands } from './local-commands.ts'
import { commandsOf } from './remote-command.ts'
import { remotes } from './remote-commands.ts'
import { version } from './version.ts'

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
    run: exportCommand,
  },
  {
    kind: 'client',
    words: 'import',
    summary: 'Store the memories of a file: JSON Lines, or what other systems gave out.',
    flags: importFlags,
    positionals: ['FILE'],
    run: importCommand,
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
  ...operations
    .filter(({ surfaces }) => surfaces.includes('cli'))
    .flatMap((one) => commandsOf(one, remotes)),
  ...clients,
  ...texts,
]
