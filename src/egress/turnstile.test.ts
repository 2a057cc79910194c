import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPlaces, createQueue } from './turnstile.ts'

const busy = { name: 'EgressError', reason: 'busy' }

describe('places', () => {
  test('there are so many in all, and so many for one origin', () => {
    const enter = createPlaces({ all: 3, perOrigin: 2 })
    const leave = enter('a')
    enter('a')
    assert.throws(() => enter('a'), busy)
    enter('b')
    assert.throws(() => enter('c'), busy)
    leave()
    enter('c')
    assert.throws(() => enter('c'), busy)
  })

  test('who leaves twice gives back one', () => {
    const enter = createPlaces({ all: 2, perOrigin: 2 })
    const leave = enter('a')
    enter('a')
    leave()
    leave()
    enter('a')
    assert.throws(() => enter('a'), busy)
  })
})

describe('a queue', () => {
  test('runs so many at once, in order, and lets so many wait', async () => {
    const queue = createQueue({ running_max: 2, waiting_max: 2 })
    const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>())
    const started: number[] = []
    const ended = gates.slice(0, 4).map(({ promise }, at) =>
      queue(async () => {
        started.push(at)
        await promise
        return at
      }),
    )
    await assert.rejects(
      queue(async () => 4),
      busy,
    )
    assert.deepEqual(started, [0, 1])
    gates[1]?.resolve()
    assert.equal(await ended[1], 1)
    await new Promise(setImmediate)
    assert.deepEqual(started, [0, 1, 2])
    for (const { resolve } of gates) resolve()
    assert.deepEqual(await Promise.all(ended), [0, 1, 2, 3])
  })

  test('a piece that fails makes room as any other', async () => {
    const queue = createQueue({ running_max: 1, waiting_max: 1 })
    const failing = queue(() => Promise.reject(new Error('no')))
    const next = queue(async () => 'next')
    await assert.rejects(failing, /no/)
    assert.equal(await next, 'next')
    assert.equal(await queue(async () => 'after'), 'after')
  })
})
