import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { popHeap, pushHeap } from './heap.ts'
import { createTop } from './top.ts'

const ascending = (a: number, b: number): number => a - b

test('the best of many are those that sorting gives, ties included', () => {
  const scores = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 200 })
  fc.assert(
    fc.property(scores, fc.integer({ min: 0, max: 30 }), (drawn, limit) => {
      const top = createTop(limit, ascending)
      for (const [document, score] of drawn.entries()) top.offer(document, score)
      const sorted = drawn
        .map((score, document) => ({ document, score }))
        .toSorted((a, b) => b.score - a.score || a.document - b.document)
      assert.deepEqual(top.take(), sorted.slice(0, limit))
    }),
  )
})

test('the order of offers does not matter', () => {
  const offers = fc.uniqueArray(fc.nat(1000), { maxLength: 60 })
  fc.assert(
    fc.property(offers, (documents) => {
      const [there, back] = [createTop(7, ascending), createTop(7, ascending)]
      for (const document of documents) there.offer(document, document % 5)
      for (const document of documents.toReversed()) back.offer(document, document % 5)
      assert.deepEqual(there.take(), back.take())
    }),
  )
})

test('a heap gives its items back in order, pushed and popped in any pattern', () => {
  const steps = fc.array(fc.oneof(fc.nat(50), fc.constant('pop' as const)), { maxLength: 100 })
  fc.assert(
    fc.property(steps, (drawn) => {
      const heap: number[] = []
      const smaller = (a: number, b: number): boolean => a < b
      const model: number[] = []
      for (const step of drawn) {
        if (step === 'pop') assert.equal(popHeap(heap, smaller), model.shift())
        else {
          pushHeap(heap, step, smaller)
          model.push(step)
          model.sort(ascending)
        }
      }
      assert.equal(heap.length, model.length)
    }),
  )
})
