import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fieldsOf, seed } from './document-fixture.ts'
import { createDocuments } from './documents.ts'
import { createIdOrder } from './id-order.ts'
import { termSeed } from './tokens.ts'

test('whatever comes in whatever order, live documents stand in the order of ids', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ put: fc.nat(60) }) },
    fc.record({ gone: fc.nat(60) }),
    { weight: 1, arbitrary: fc.constantFrom('read' as const, 'sweep' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const documents = createDocuments(termSeed(seed))
      const order = createIdOrder(documents)
      const remove = (number: number): void => {
        const known = documents.numberOf(fieldsOf(number).id)
        if (known !== undefined) documents.remove(known)
      }
      for (const one of steps) {
        if (one === 'read') order.sorted()
        else if (one === 'sweep') order.sweep()
        else if ('gone' in one) remove(one.gone)
        else {
          remove(one.put)
          order.add(documents.add(fieldsOf(one.put), 1))
        }
      }
      const live = (document: number): boolean => documents.lengths[document] !== 0
      const all = Array.from({ length: documents.count }, (_, document) => document)
      const wanted = all.filter(live).map((document) => documents.idOf(document))
      const found = [...order.sorted()].filter(live).map((document) => documents.idOf(document))
      assert.deepEqual(found, wanted.toSorted())
      order.sweep()
      assert.equal(order.sorted().length, documents.live)
    }),
    { numRuns: 60 },
  )
})
