import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expand, expandAll, isPermissionPattern, permissions } from './permissions.ts'

test('a permission stands for itself alone', () => {
  for (const permission of permissions) assert.deepEqual(expand(permission), [permission])
})

test('a noun with a wildcard covers all of that noun and nothing else', () => {
  assert.deepEqual(expand('memory:*'), [
    'memory:read',
    'memory:write',
    'memory:delete',
    'memory:compact',
    'memory:export',
  ])
  assert.deepEqual(expand('audit:*'), ['audit:read'])
  assert.deepEqual(expand('system:*'), ['system:admin'])
})

test('* covers everything but system:*', () => {
  const all = expand('*')
  assert.ok(!all.some((permission) => permission.startsWith('system:')))
  const system = permissions.filter((permission) => permission.startsWith('system:'))
  assert.equal(all.length + system.length, permissions.length)
})

test('several patterns stand for their union', () => {
  assert.deepEqual([...expandAll(['audit:read', 'audit:*'])], ['audit:read'])
  assert.deepEqual([...expandAll([])], [])
  assert.ok(!expandAll(['*', 'memory:*']).has('system:admin'))
  assert.ok(expandAll(['*', 'system:admin']).has('system:admin'))
})

test('what is not a pattern is refused', () => {
  for (const good of ['*', 'memory:read', 'memory:*', 'api-key:*', 'system:*']) {
    assert.ok(isPermissionPattern(good), good)
  }
  const bad = ['', ':', ':*', '**', 'memory', 'memory:', 'memory:reading', 'Memory:read']
  for (const text of [
    ...bad,
    'mem*',
    'memory:r*',
    'unknown:*',
    'memory:*:*',
    ' *',
    'memory:read ',
  ]) {
    assert.ok(!isPermissionPattern(text), text)
  }
})
