import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTraceparent } from './traceparent.ts'

const trace = '0af7651916cd43dd8448eb211c80319c'
const span = 'b7ad6b7169203331'

test('a traceparent is read, its flags and what later versions add left alone', () => {
  const whole = { traceId: trace, spanId: span }
  for (const text of [
    `00-${trace}-${span}-00`,
    `00-${trace}-${span}-01`,
    `00-${trace}-${span}-ff`,
    `cc-${trace}-${span}-01`,
    `cc-${trace}-${span}-01-what-the-future-brings`,
  ]) {
    assert.deepEqual(readTraceparent(text), whole, text)
  }
})

test('what is none is none', () => {
  const wrong = [
    null,
    '',
    'nonsense',
    `00-${trace}-${span}`,
    `00-${trace}-${span}-1`,
    `00-${trace}-${span}-01-more`,
    `ff-${trace}-${span}-01`,
    `0-${trace}-${span}-01`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace}-${span}-01 `,
    ` 00-${trace}-${span}-01`,
    `00-${trace}-${span}-01, 00-${trace}-${span}-01`,
    `00-${trace}0-${span}-01`,
    `cc-${trace}-${span}-01${'x'.repeat(1000)}`,
    `cc-${trace}-${span}-01-${'x'.repeat(1000)}`,
  ]
  for (const text of wrong) assert.equal(readTraceparent(text), null, String(text))
})
