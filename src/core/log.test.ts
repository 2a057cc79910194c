import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { onErrand } from './errand.ts'
import { LocketError } from './errors.ts'
import { createLog, type Log } from './log.ts'
import type { Facts } from './log-fields.ts'

function written(write: (log: Log) => void): string[] {
  const lines: string[] = []
  write(createLog('info', { write: (line) => void lines.push(line) }))
  return lines
}

function record(write: (log: Log) => void): Record<string, unknown>[] {
  return written(write).map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('one JSON line per happening, with its time and without the host', () => {
  const [line] = record((log) => log.info({ port: 8080 }, 'listening'))
  assert.equal(line?.['msg'], 'listening')
  assert.equal(line?.['port'], 8080)
  assert.match(String(line?.['time']), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.ok(line && !('hostname' in line) && !('pid' in line))
})

test('what lies below the level is not written', () => {
  const lines = record((log) => log.debug('details'))
  assert.equal(lines.length, 0)
})

test('an error is given by class, message, code and cause', () => {
  const cause = new LocketError('unavailable', 'the tag')
  const error = new LocketError('integrity_failed', undefined, { cause })
  const [line] = record((log) => log.error({ err: error }, 'failed'))
  const text = JSON.stringify(line?.['err'])
  for (const part of ['integrity_failed', 'the tag', 'LocketError'])
    assert.match(text, new RegExp(part))
})

describe('[V16.4.1] nobody writes a line of his own, or to the terminal of who reads', () => {
  const corpus = [
    '\n{"level":60,"msg":"forged"}',
    '\r\nforged',
    '\u2028forged\u2029',
    '\u0085forged',
    '\u001b[2J\u001b]0;title\u0007',
    '\u009b31m',
    '\u202eforged\u2066',
    '\u0000\u0008\u007f',
    '"},{"msg":"forged"',
    '\\"',
    '\ud800 alone',
    '\ufeff',
    '%s %j %o',
  ]
  for (const attack of corpus) {
    test(JSON.stringify(attack), () => {
      const given = [
        { host: attack },
        { detail: `${'long '.repeat(50)}${attack}` },
        { reason: attack },
      ]
      for (const facts of given) {
        const lines = written((log) => log.warn(facts, 'refused'))
        assert.equal(lines.length, 1)
        const [line = ''] = lines
        assert.doesNotMatch(line.slice(0, -1), /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u)
        assert.ok(line.endsWith('}\n'))
        const parsed = JSON.parse(line) as Record<string, unknown>
        assert.equal(parsed['msg'], 'refused')
        assert.equal(parsed['level'], 40)
        const [name = '', value = ''] = Object.entries(facts)[0] ?? []
        assert.equal(parsed[name], value, 'and it is what it was')
      }
    })
  }
})

describe('a line says what is in the table, in its form [V16.2.5]', () => {
  const canary = 'my sister is ill'
  const wrong: readonly (readonly [string, object])[] = [
    ['a field that is not listed', { text: canary }],
    ['no id', { space: `spc_${canary}` }],
    ['no code', { operation: canary, job: canary }],
    ['no number', { count: canary, ms: canary }],
    ['no list of codes', { applied: ['001', canary] }],
    ['an object', { detail: { text: canary }, reason: [canary] }],
    ['no switch', { resting: canary }],
    ['what every object has', { toString: canary, __proto__: { text: canary } }],
  ]
  for (const [name, facts] of wrong) {
    test(`${name} is left out, and that is said`, () => {
      const [line] = written((log) => log.info(facts as Facts, 'x'))
      assert.ok(line && !line.includes('sister'), line)
      assert.match(line, /"withheld":[12]/)
    })
  }

  test('what is in its form stands there, null too, and what is undefined does not', () => {
    const facts = {
      tenant: 'ten_00000000000000000000000000',
      route: '/v1/audit-log/tile/{+tile}',
      applied: ['001-spine'],
      resting: false,
      status: null,
      code: undefined,
    } as const
    const [line] = record((log) => log.info(facts, 'x'))
    const { level, time, msg, ...rest } = line ?? {}
    const { code: _, ...expected } = facts
    assert.deepEqual(rest, expected)
  })

  test('a text has a bound', () => {
    const [line = ''] = written((log) => log.info({ detail: 'x'.repeat(10_000) }, 'x'))
    assert.ok(line.length < 700)
  })
})

test('a line says on whose errand it is written, also far below', async () => {
  const requestId = 'req_01900000000000000000000000'
  const lines: string[] = []
  const log = createLog('info', { write: (line) => void lines.push(line) })
  await onErrand({ requestId, operation: 'memories.store' }, async () => {
    await Promise.resolve()
    log.warn('below')
  })
  log.info({ port: 1 }, 'beside')
  const [below = '', beside = ''] = lines
  assert.ok(below.includes(requestId) && below.includes('"operation":"memories.store"'), below)
  assert.ok(!beside.includes('requestId'))
})
