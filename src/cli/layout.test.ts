import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { columns, details, kebabCase, table } from './layout.ts'

describe('columns', () => {
  test('are as wide as their widest cell; the last has no end', () => {
    const rows = [
      ['a', 'bb', 'c'],
      ['aaa', 'b', 'cc'],
    ]
    assert.equal(columns(rows), 'a    bb  c\naaa  b   cc')
  })

  test('leave no space at the end of a line', () => {
    assert.equal(
      columns([
        ['a', ''],
        ['b', 'c'],
      ]),
      'a\nb  c',
    )
  })

  test('may be none', () => assert.equal(columns([]), ''))
})

describe('a table', () => {
  test('has a head and one line for each item, whatever is in it', () => {
    const items = [
      {
        id: 'x',
        text: 'two\nlines\tand more',
        actor: { id: 'me' },
        tags: ['a', 'b'],
        score: 1.23456,
      },
      { id: 'yy', text: '', actor: null, tags: [], score: 2 },
    ]
    assert.equal(
      table(items, ['score', 'id', 'actor.id', 'tags', 'createdAt', 'text']),
      [
        'SCORE  ID  ACTOR.ID  TAGS  CREATED-AT  TEXT',
        '1.235  x   me        a,b   -           two lines and more',
        '2      yy  -         -     -           -',
      ].join('\n'),
    )
  })
})

test('a table shows a part of each item of a list', () => {
  const items = [{ id: 'x', grants: [{ role: 'user' }, { role: 'viewer' }] }, { grants: [] }]
  const lines = ['ID  GRANTS.ROLE', 'x   user,viewer', '-   -']
  assert.equal(table(items, ['id', 'grants.role']), lines.join('\n'))
})

describe('details', () => {
  test('are one line a field; further lines of a text cannot pass for fields', () => {
    const value = { id: 'x', text: 'a\nid  y', metadata: { a: 1 }, none: null }
    assert.equal(
      details(value),
      ['id        x', 'text      a', '          id  y', 'metadata  {"a":1}', 'none      -'].join(
        '\n',
      ),
    )
  })

  test('of what has no fields are the value', () => assert.equal(details(7), '7'))
})

test('names of fields become names of flags', () => {
  assert.equal(kebabCase('sessionId'), 'session-id')
  assert.equal(kebabCase('text'), 'text')
})
