import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { fieldsOf } from '../../test/reference/command-fields.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import { type Arguments, assignFields, parseArguments, readInput } from './arguments.ts'
import type { RemoteCommand } from './command.ts'

/** An operation of which only the input matters. */
function taking(input: z.ZodType, path = '/v1/things'): Operation {
  return operation({
    id: 'things.do',
    method: 'POST',
    path,
    summary: 'Do a thing.',
    effect: 'write',
    idempotent: false,
    permission: 'self:read',
    resource: () => ({ kind: 'self' }),
    rateClass: 'write',
    bodyLimit_bytes: 1024,
    surfaces: ['cli'],
    audit: 'thing.done',
    input,
    output: z.unknown(),
    status: 200,
    run: async () => null,
  })
}

function command(input: z.ZodType, positionals: readonly string[], path?: string): RemoteCommand {
  const declared = taking(input, path)
  const fields = fieldsOf(declared)
  return {
    kind: 'remote',
    words: 'do',
    summary: '',
    operation: declared,
    fields,
    positionals: positionals.flatMap((name) => fields.filter((field) => field.name === name)),
    fixed: { said: 'by the command' },
    stdin: null,
    columns: [],
  }
}

const store = command(
  z.strictObject({
    space: z.string().optional(),
    text: z.string(),
    mood: z.enum(['good', 'bad']).default('good'),
    weight: z.number().optional(),
    limit: z.number().int().optional(),
    open: z.boolean().optional(),
    tagList: z.array(z.string()).default([]),
    levels: z.union([z.number(), z.array(z.number())]).optional(),
    endsAt: z.string().nullable().default(null),
    metadata: z.record(z.string(), z.unknown()).optional(),
  }),
  ['space', 'text'],
)

const flags = store.fields.map((field) => field.flag)

/** The input that a command line makes; or its mistakes. */
function inputOf(...argv: readonly string[]): unknown {
  const { texts, mistakes } = assignFields(store, parseArguments(argv, flags))
  const read = readInput(store, texts)
  const all = [...mistakes, ...read.mistakes]
  if (all.length > 0) return all
  const { said, ...input } = read.input
  assert.equal(said, 'by the command')
  return input
}

describe('positional values', () => {
  const lines: readonly [string[], unknown][] = [
    [['a', 'b'], { space: 'a', text: 'b' }],
    [['b'], { text: 'b' }],
    [['b', '--space', 'a'], { space: 'a', text: 'b' }],
    [['--space=a', 'b'], { space: 'a', text: 'b' }],
    [['a', '--text', 'b'], { space: 'a', text: 'b' }],
    [['--text', 'b', '--space', 'a'], { space: 'a', text: 'b' }],
    [['--', '--text'], { text: '--text' }],
    [['-'], { text: '-' }],
    [[''], { text: '' }],
  ]
  for (const [argv, input] of lines) {
    test(JSON.stringify(argv), () => assert.deepEqual(inputOf(...argv), input))
  }
})

describe('values by flag', () => {
  const lines: readonly [string[], Readonly<Record<string, unknown>>][] = [
    [['--mood', 'bad'], { mood: 'bad' }],
    [['--weight', '7.5'], { weight: 7.5 }],
    [['--weight=-1'], { weight: -1 }],
    [['--limit', '3'], { limit: 3 }],
    [['--open', 'false'], { open: false }],
    [['--tag-list', 'a, b', '--tag-list', 'c'], { tagList: ['a', 'b', 'c'] }],
    [['--tag-list', ''], { tagList: [] }],
    [['--levels', '1'], { levels: 1 }],
    [['--levels', '1,2'], { levels: [1, 2] }],
    [['--ends-at', 'null'], { endsAt: null }],
    [['--ends-at', 'tomorrow'], { endsAt: 'tomorrow' }],
    [['--metadata', '{"a":[1]}'], { metadata: { a: [1] } }],
  ]
  for (const [argv, input] of lines) {
    test(argv.join(' '), () => assert.deepEqual(inputOf('b', ...argv), { text: 'b', ...input }))
  }
})

describe('mistakes', () => {
  const lines: readonly [string[], string[]][] = [
    [[], ['TEXT: is missing']],
    [['--space', 'a'], ['TEXT: is missing']],
    [['a', 'b', 'c'], ['1 more than the 2 values that this takes; quote text with spaces']],
    [['b', '--mood', 'sad'], ['--mood: expected one of good, bad']],
    [['b', '--weight', 'much'], ['--weight: expected a number']],
    [['b', '--weight', ''], ['--weight: expected a number']],
    [['b', '--weight', 'Infinity'], ['--weight: expected a number']],
    [['b', '--limit', '1.5'], ['--limit: expected a whole number']],
    [['b', '--open', 'yes'], ['--open: expected true or false']],
    [['b', '--levels', '1,x'], ['--levels: expected a number']],
    [['b', '--metadata', '{"a":1,"a":2}'], ['--metadata: expected JSON']],
    [['b', '--metadata'], ['--metadata: needs a value']],
    [['b', '--mood', '--json'], ['--mood: needs a value (--mood=… if it begins with -)']],
    [['b', '--json=1'], ['--json: takes no value']],
    [['b', '--mood', 'bad', '--mood', 'good'], ['--mood: is given more than once']],
    [['b', '--text', 'a', '--text=b'], ['--text: is given more than once']],
    [['b', '-x'], ['-x: there is no such flag']],
    [['b', '--lim', '3'], ['--lim: there is no such flag']],
    [['b', '--limits=3'], ['--limits: there is no such flag; did you mean --limit?']],
    [
      ['--wait', '--mood', 'sad', '--limit', 'x'],
      [
        '--wait: there is no such flag',
        'TEXT: is missing',
        '--mood: expected one of good, bad',
        '--limit: expected a whole number',
      ],
    ],
  ]
  for (const [argv, mistakes] of lines) {
    test(JSON.stringify(argv), () => assert.deepEqual(inputOf(...argv), mistakes))
  }

  test('a part of a path is an id', () => {
    const get = command(z.strictObject({ id: z.string() }), ['id'], '/v1/things/{id}')
    const read = (id: string) => readInput(get, new Map([['id', [id]]])).mistakes
    for (const id of ['..', '.', 'a/b', '', 'a?b', '%2e']) {
      assert.deepEqual(read(id), ['ID: expected an id'])
    }
    assert.deepEqual(read('mem_01'), [])
  })
})

describe('flags of every command', () => {
  const given = (...argv: readonly string[]): Arguments => parseArguments(argv, ['space'])

  test('may stand anywhere', () => {
    const { json, help, positionals } = given('--json', 'a', '-h', 'b')
    assert.deepEqual([json, help, positionals], [true, true, ['a', 'b']])
  })

  test('are not set by themselves', () => {
    const { json, help, mistakes } = given()
    assert.deepEqual([json, help, mistakes], [false, false, []])
  })
})
