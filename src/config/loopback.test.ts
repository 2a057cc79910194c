import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopback } from './loopback.ts'

test('this machine, by every name that cannot mean another', () => {
  for (const host of [
    'localhost',
    'LocalHost',
    '127.0.0.1',
    '127.255.0.9',
    '::1',
    '[::1]',
    '0:0:0:0:0:0:0:1',
    '::1%lo',
  ]) {
    assert.equal(isLoopback(host), true, host)
  }
})

test('all others, also those that look like it', () => {
  for (const host of [
    '0.0.0.0',
    '::',
    '128.0.0.1',
    '12.7.0.0',
    '10.0.0.1',
    '::2',
    '[fd00::1]',
    '127.0.0.1.example',
    '127.1',
    'localhost.example',
    'db.localhost',
    '.localhost',
    'localhost.',
    'mylocalhost',
    '',
  ]) {
    assert.equal(isLoopback(host), false, host)
  }
})
