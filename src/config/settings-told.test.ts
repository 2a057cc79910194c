import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { limits } from '../core/limits.ts'
import { readServerSettings } from './config.ts'
import { type SettingName, settings } from './settings.ts'
import { settingsTold } from './settings-told.ts'
import { allSettings, type Environment, type Flags, type Given } from './sources.ts'

const told = (flags: Flags, env: Environment = {}) =>
  settingsTold(readServerSettings(flags, env).reading)

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`

describe('of the settings a start tells', () => {
  test('each that somebody has given, by its name and with its value, and no other', () => {
    const env = { LOCKET_MODE: 'production', LOCKET_DOCS: 'on', LOCKET_AUDIT_FILE: 'a.jsonl' }
    const flags = { port: '1', 'audit-required': 'file', 'egress-allow': 'b.example,a.example' }
    const expected = {
      auditFile: 'a.jsonl',
      auditRequired: 'file',
      docs: 'on',
      egressAllow: 'b.example,a.example',
      mode: 'production',
      port: '1',
    }
    const settings = told(flags, env)
    assert.deepEqual(settings, expected)
    assert.deepEqual(Object.keys(settings), Object.keys(expected), 'in the order of their names')
    assert.deepEqual(told({}), {})
  })

  test('another value of one that was given before', () => {
    const vkey = 'a.example/witness+abe11aec+BGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh'
    const others: readonly (readonly [Flags, Flags])[] = [
      [{ mode: 'production' }, { mode: 'development' }],
      [{ 'egress-allow': 'a.example' }, { 'egress-allow': 'a.example,b.example' }],
      [{ 'audit-required': 'file' }, { 'audit-required': '' }],
      [{ 'audit-syslog': 'syslog+tls://a' }, { 'audit-syslog': 'syslog+tls://b' }],
      [{ witnesses: `${vkey} https://a` }, { witnesses: `${vkey} https://b` }],
      [{ 'tls-key': 'env:A' }, { 'tls-key': 'env:B' }],
    ]
    const needed = { 'audit-file': 'a.jsonl', 'tls-cert': 'cert.pem', 'tls-key': 'key.pem' }
    const allowed = { 'egress-allow': 'a,b' }
    for (const [before, after] of others) {
      const [one, other] = [before, after].map((flags) => told({ ...needed, ...allowed, ...flags }))
      assert.deepEqual(Object.keys(one ?? {}), Object.keys(other ?? {}))
      assert.notDeepEqual(one, other, JSON.stringify(after))
    }
  })

  test('of a long one only a digest, which is another for another value', () => {
    const { auditSetting_bytes_max: max } = limits
    const listOf = (last: string) => `${'a'.repeat(60)}.example,`.repeat(2) + last
    const exactly = listOf('b'.repeat(max - listOf('').length))
    assert.equal(told({ 'data-dir': exactly })['dataDir'], exactly)
    const [long, other] = [`${exactly}c`, `${exactly}d`]
    assert.equal(told({ 'data-dir': long })['dataDir'], digestOf(long))
    assert.equal(told({ 'data-dir': other })['dataDir'], digestOf(other))
    const wide = 'ä'.repeat(max / 2 + 1)
    assert.equal(told({ 'data-dir': wide })['dataDir'], digestOf(wide), 'it is bytes that count')
  })

  test('never more than there is room for, with all of them given at their longest', () => {
    const url = `postgres://locket@127.0.0.1/${'x'.repeat(10_000)}`
    const given = new Map<SettingName, Given>(
      allSettings.map(([name]) => [name, { source: 'file', label: 'f', text: url }]),
    )
    const text = JSON.stringify(settingsTold({ given }))
    assert.equal(Object.keys(JSON.parse(text)).length, allSettings.length)
    assert.ok(text.length < allSettings.length * (limits.auditSetting_bytes_max + 40))
  })
})

describe('no secret is told', () => {
  const canary = 'c4n4ry'
  const rootKey = Buffer.from(`${canary}${'.'.repeat(26)}`).toString('base64')

  test('nor a digest of one, short or long', () => {
    const long = 'x'.repeat(300)
    const env = {
      LOCKET_ROOT_KEY: rootKey,
      LOCKET_API_KEY: `lk_${canary}${long}`,
      LOCKET_DATABASE_URL: `postgres://locket:${canary}@127.0.0.1/locket`,
      LOCKET_REDIS_URL: `redis://:${canary}${long}@127.0.0.1`,
    }
    const { rootKey: key, apiKey, databaseUrl, redisUrl, ...rest } = told({}, env)
    assert.deepEqual([key, apiKey], ['********', '********'])
    assert.equal(databaseUrl, 'postgres://locket:********@127.0.0.1/locket')
    assert.equal(redisUrl, 'redis://:********@127.0.0.1')
    assert.deepEqual(rest, {})
    const [one, other] = [canary, 'other'].map((password) =>
      told({ 'database-url': `postgres://locket:${password}@127.0.0.1/${long}` }),
    )
    assert.match(one?.['databaseUrl'] ?? '', /^sha256:/)
    assert.deepEqual(one, other, 'the digest is of what may be shown')
  })

  test('whatever setting takes a reference: it is told, and what is none is hidden', () => {
    const secret = `https://${canary}`
    for (const [name, { expects }] of allSettings) {
      // Of the key of TLS the path alone may be given: what is no reference is one.
      if (!expects.includes('a reference to a secret') || name === 'tlsKey') continue
      const of = (text: string) =>
        settingsTold({ given: new Map([[name, { source: 'environment', label: name, text }]]) })
      assert.deepEqual(of('file:/run/secrets/a'), { [name]: 'file:/run/secrets/a' })
      assert.deepEqual(of(secret), { [name]: '********' }, settings[name].env)
    }
  })
})
