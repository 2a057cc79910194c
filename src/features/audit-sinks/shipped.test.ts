import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sampleId, wholeRecord } from '../../../test/event-record.ts'
import { lineHeads, placeIn, sinkFormats } from '../../sinks/sink.ts'
import { toShipped } from './shipped.ts'

const log = 'locket.example/ten_1'
const target = sampleId('usr')
const record = {
  ...wholeRecord,
  leaf: 7,
  action: 'factor.deleted',
  resourceId: sampleId('fac'),
  details: { changes: [{ kind: 'totp', principal: target }] },
}

describe('an event that is shipped', () => {
  for (const format of sinkFormats) {
    test(`is a line of ${format} that tells its place`, () => {
      const event = toShipped(record, { format, log })
      for (const line of [event.json(false), event.json(true), event.brief(false)]) {
        assert.ok(line.startsWith(lineHeads[format]))
        assert.ok(!line.includes('\n'))
        assert.deepEqual(placeIn(line), { log, leaf: 7, id: record.id })
      }
    })

    test(`says in ${format} that it is repeated or damaged, where it is`, () => {
      const marks = (line: string): unknown[] => {
        const { unmapped, ...event } = JSON.parse(line)
        const { repeated, damaged, shortened } = unmapped ?? event
        return [repeated, damaged, shortened]
      }
      const sound = toShipped(record, { format, log })
      assert.deepEqual(marks(sound.json(false)), [false, undefined, undefined])
      assert.deepEqual(marks(sound.json(true)), [true, undefined, undefined])
      const damaged = toShipped(record, { format, log }, true)
      assert.deepEqual(marks(damaged.brief(true)), [true, true, true])
    })

    test(`is told without details and agent in little room, in ${format}`, () => {
      const line = toShipped(record, { format, log }).brief(false)
      assert.ok(!line.includes('totp') && !line.includes('curl'), line)
    })
  }

  test('in little room is still about whom it was about', () => {
    const event = toShipped(record, { format: 'ocsf', log })
    const users = [event.json(false), event.brief(false)].map((line) => JSON.parse(line).user.uid)
    assert.deepEqual(users, [target, target])
  })
})

test('a line of somebody else has no place', () => {
  for (const line of ['', 'a note', '{"a":1}', '[]']) assert.equal(placeIn(line), null)
  const torn = placeIn('{"log":"locket.example/ten_1","leaf":7')
  assert.deepEqual(torn, { log: undefined, leaf: undefined, id: undefined })
})
