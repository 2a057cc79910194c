/** What is a reference, and what is none: a secret by itself must never pass for one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { looksLikeReference, parseLocalReference, parseReference } from './reference.ts'

test('each kind is taken apart', () => {
  const parts = (text: string) => {
    const found = parseReference(text)
    assert.equal(found?.text, text)
    const { kind, text: _, ...rest } = found ?? {}
    return [kind, rest]
  }
  assert.deepEqual(parts('env:OPENAI_API_KEY'), ['env', { name: 'OPENAI_API_KEY' }])
  assert.deepEqual(parts('file:/run/secrets/db'), ['file', { path: '/run/secrets/db' }])
  assert.deepEqual(parts('file:///run/secrets/db'), ['file', { path: '///run/secrets/db' }])
  assert.deepEqual(parts('vault://secret/team/locket#db-password'), [
    'vault',
    { mount: 'secret', path: ['team', 'locket'], key: 'db-password' },
  ])
  assert.deepEqual(parts('vault://team%2Fkv/locket#root'), [
    'vault',
    { mount: 'team/kv', path: ['locket'], key: 'root' },
  ])
  assert.deepEqual(parts('aws-sm://prod/locket#db'), ['aws-sm', { name: 'prod/locket', key: 'db' }])
  const arn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:locket-AbCdEf'
  assert.deepEqual(parts(`aws-sm://${arn}`), ['aws-sm', { name: arn, key: null }])
})

test('nothing else is one', () => {
  const wrong = [
    '',
    'geheim',
    'sk-proj-1234',
    'lk_abc',
    'env:',
    'env:1A',
    'env:A B',
    'env:LOCKET_API_KEY',
    'ENV:A',
    'file:',
    'file:secret',
    'file:./secret',
    'file:/a\0b',
    'vault://',
    'vault://kv/path',
    'vault://kv/path#',
    'vault://kv#key',
    'vault://kv/#key',
    'vault://kv//a#key',
    'vault://kv/../sys#key',
    'vault://kv/a/..#key',
    'vault://../a#key',
    'vault://kv%2F../a#key',
    'vault://kv/a%2F..#key',
    'vault://kv/a?version=1#key',
    'vault://kv/a#key#key',
    'vault:/kv/a#key',
    'aws-sm://',
    'aws-sm://#key',
    'aws-sm://a b',
    'aws-sm://a#',
    'aws-sm://a?b',
    `env:${'A'.repeat(1000)}`,
  ]
  for (const text of wrong) assert.equal(parseReference(text), null, text)
})

test('what reaches a Vault cannot be in a Vault', () => {
  assert.equal(parseLocalReference('env:TOKEN')?.kind, 'env')
  assert.equal(parseLocalReference('file:/token')?.kind, 'file')
  assert.equal(parseLocalReference('vault://kv/a#b'), null)
  assert.equal(parseLocalReference('aws-sm://a'), null)
})

test('a reference that is not right is not taken for a secret or a path', () => {
  for (const text of ['env:', 'file:x', 'vault:kv', 'aws-sm:']) {
    assert.ok(looksLikeReference(text), text)
  }
  for (const text of ['lk_x', '/etc/key.pem', 'AAECAw==', 'vaults/key', 'files:x']) {
    assert.ok(!looksLikeReference(text), text)
  }
})
