import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LocketError } from './errors.ts'
import { createLog } from './log.ts'

function record(write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const lines: string[] = []
  write(createLog('info', { write: (line) => void lines.push(line) }))
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
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

test('a newline in a value cannot start a line of its own', () => {
  const lines = record((log) => log.warn({ address: '::1\n{"level":60}' }, 'refused'))
  assert.equal(lines.length, 1)
})

test('an error is given by class, message, code and cause', () => {
  const error = new LocketError('integrity_failed', undefined, { cause: new Error('the tag') })
  const [line] = record((log) => log.error({ err: error }, 'failed'))
  const text = JSON.stringify(line?.['err'])
  for (const part of ['integrity_failed', 'the tag', 'LocketError'])
    assert.match(text, new RegExp(part))
})
