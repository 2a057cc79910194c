import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { settings } from '../config/settings.ts'
import { operations } from '../operations.ts'
import type { RemoteCommand } from './command.ts'
import { commands } from './commands.ts'
import { commandHelp, helpAnswer } from './help.ts'

const remote = commands.filter((command): command is RemoteCommand => command.kind === 'remote')

describe('the table of commands', () => {
  test('reaches every operation that is for the command line, and no other', () => {
    const reached = new Set(remote.map((command) => command.operation.id))
    const meant = operations.filter(({ surfaces }) => surfaces.includes('cli'))
    assert.deepEqual([...reached].sort(), meant.map(({ id }) => id).sort())
  })

  test('has no words twice, and at most two of them', () => {
    const words = commands.map((command) => command.words)
    assert.equal(new Set(words).size, words.length)
    for (const one of words) assert.match(one, /^[a-z-]+(?: [a-z-]+)?$/)
  })

  test('has the commands that scripts rely on', () => {
    const words = new Set(commands.map((command) => command.words))
    const promised = [
      ...['start', 'init', 'serve', 'store', 'recall', 'get', 'list', 'delete', 'whoami'],
      ...['create', 'list', 'rotate', 'revoke', 'recover'].map((verb) => `keys ${verb}`),
      ...['create', 'list', 'disable'].map((verb) => `tenants ${verb}`),
      ...['roles list', 'principals list', 'audit list', 'help', 'version'],
    ]
    assert.deepEqual(
      promised.filter((one) => !words.has(one)),
      [],
    )
  })

  test('names positional values that the operation has, required ones among them', () => {
    for (const command of remote) {
      const names = command.positionals.map((field) => field.name)
      const required = command.fields.filter((field) => field.required).map((field) => field.name)
      assert.deepEqual(
        required.filter((name) => !names.includes(name)),
        [],
        command.words,
      )
      const fields: readonly string[] = command.fields.map((field) => field.name)
      if (command.stdin !== null) assert.ok(fields.includes(command.stdin), command.words)
    }
  })

  test('takes the settings file for whatever works without a server', () => {
    for (const command of commands) {
      if (command.kind !== 'local') continue
      assert.ok(command.settings.includes('config'), command.words)
      const own = command.flags.map(({ flag }) => flag)
      const heeded = command.settings.flatMap((name) => settings[name].flag ?? [])
      assert.equal(new Set([...own, ...heeded]).size, own.length + heeded.length, command.words)
    }
  })

  test('shadows no flag that every command has', () => {
    for (const { fields, words } of remote) {
      const flags = fields.map((field) => field.flag)
      assert.ok(!flags.includes('json') && !flags.includes('help'), words)
      assert.equal(new Set(flags).size, flags.length, words)
    }
  })

  test('asks for columns that the answer has', () => {
    for (const { operation, columns, words } of remote) {
      const declared = operations.find(({ id }) => id === operation.id)
      const { schema } = itemOf(declared?.output)
      for (const column of columns) {
        const [first = ''] = column.split('.')
        assert.ok(Object.hasOwn(schema, first), `${words}: ${column}`)
      }
    }
  })
})

describe('help', () => {
  test('tells of every command and of every flag', () => {
    const all = helpAnswer(commands, '')?.text ?? ''
    for (const command of commands) {
      assert.ok(all.includes(`  ${command.words}`), command.words)
      const page = commandHelp(command)
      assert.ok(page.includes(`usage: locket ${command.words}`), page)
      for (const flag of flagsOf(command)) assert.ok(page.includes(`  --${flag} `), page)
    }
  })

  test('has no flag for a secret', () => {
    for (const command of commands) {
      assert.doesNotMatch(commandHelp(command), /--(?:root-key|api-key|password)\s/)
    }
  })

  test('knows groups, and what is not there', () => {
    assert.match(helpAnswer(commands, 'tenants')?.text ?? '', / tenants disable ID/)
    assert.equal(helpAnswer(commands, 'nothing'), null)
  })
})

function flagsOf(command: (typeof commands)[number]): readonly string[] {
  if (command.kind === 'remote') return command.fields.map((field) => field.flag)
  if (command.kind === 'text') return []
  if (command.kind === 'client') return command.flags.map(({ flag }) => flag)
  return command.settings.flatMap((name) => settings[name].flag ?? [])
}

/** The fields of an answer, or of the items of one that is a list. */
function itemOf(output: unknown): { schema: object } {
  const shape = Reflect.get(output as object, 'shape') as Record<string, unknown> | undefined
  const items = shape?.['items']
  const element = items === undefined ? undefined : Reflect.get(items as object, 'element')
  return { schema: (element ? Reflect.get(element as object, 'shape') : shape) as object }
}
