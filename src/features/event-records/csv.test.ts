/** Events as CSV: what a reader gets back, and what no spreadsheet runs (OWASP, CSV Injection). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { csvHeader, toCsv } from './csv.ts'
import type { EventRecord } from './event-record.ts'

const record = (change: Partial<EventRecord>): EventRecord => ({
  ...{ id: 'evt_1', tenantId: 'ten_1', leaf: 0, time: '2026-01-02T03:04:05.678Z' },
  ...{ class: 'read', action: 'memory.read', outcome: 'allowed', code: null, actor: null },
  ...{ onBehalfOf: null, resourceId: null, spaceId: null, requestId: null, door: 'http' },
  ...{ decision: null, address: null, userAgent: null, details: {}, erased: false },
  ...change,
})

/** RFC 4180, as plainly as it can be read: cells of one record, quoted or not. */
function cellsOf(line: string): string[] {
  const cells: string[] = []
  for (let at = 0; at <= line.length; at += 1) {
    if (line[at] !== '"') {
      const end = line.indexOf(',', at)
      cells.push(line.slice(at, end < 0 ? line.length : end))
      at = end < 0 ? line.length : end
      continue
    }
    let cell = ''
    for (at += 1; line[at] !== '"' || line[at + 1] === '"'; at += 1) {
      if (line[at] === '"') at += 1
      cell += line[at]
    }
    cells.push(cell)
    at += 1
  }
  return cells
}

const names = cellsOf(csvHeader)

function cell(name: string, change: Partial<EventRecord>): string {
  const cells = cellsOf(toCsv(record(change)))
  assert.equal(cells.length, names.length)
  return cells[names.indexOf(name)] ?? ''
}

describe('an event as CSV', () => {
  test('has a column for each thing that an event says', () => {
    assert.equal(new Set(names).size, names.length)
    const details = { items: ['mem_1', 'mem_2'], 'a "b"': 'c,d;\r\n' }
    assert.deepEqual(JSON.parse(cell('details', { details })), details)
    assert.equal(cell('leaf', {}), '0')
    assert.equal(cell('leaf', { leaf: null }), '')
    assert.equal(cell('erased', {}), 'false')
    const actor = { id: 'usr_1', kind: 'user', credentialId: 'key_1', method: 'api-key' }
    assert.equal(cell('credentialId', { actor }), 'key_1')
  })

  test('gives back what was said, whatever that was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (userAgent) => {
        const read = cell('userAgent', { userAgent })
        assert.ok(read === userAgent || read === `'${userAgent}`)
      }),
    )
  })

  for (const begun of ['=', '+', '-', '@', '\t', '\r', '\n', '\0', ' =', '＝', '\t@', ' －']) {
    test(`has no cell that begins with ${JSON.stringify(begun)} [V1.2.10]`, () => {
      const userAgent = `${begun}cmd|' /C calc'!A0`
      assert.equal(cell('userAgent', { userAgent }), `'${userAgent}`)
      assert.equal(cell('resourceId', { resourceId: userAgent }), `'${userAgent}`)
    })
  }

  test('leaves what is harmless as it is', () => {
    for (const userAgent of ['curl/8.5', "Mozilla/5.0 (X11; Linux) a=b+c@d-e'", '7'])
      assert.equal(cell('userAgent', { userAgent }), userAgent)
  })

  test('is one line: no value of an event parts it, by whatever a reader parts lines', () => {
    const line = toCsv(record({ userAgent: 'a;=1\tb,=2"c', details: { text: 'a\nb' } }))
    assert.ok(!/[\r\n]/.test(line))
    for (const part of line.split('","')) assert.ok(!/^[=+\-@]/.test(part))
  })
})
