import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { apart, currentErrand, onErrand, tellErrand, withErrand } from './errand.ts'

const who = () => currentErrand()?.facts.requestId

describe('an errand', () => {
  test('goes along with what is awaited, and each with its own', async () => {
    const ask = async (requestId: string, ms: number) => {
      await pause(ms)
      const inner = await Promise.resolve().then(who)
      return [requestId, inner]
    }
    const asked = ['a', 'b', 'c'].map((id, at) =>
      onErrand({ requestId: id }, () => ask(id, 5 - at)),
    )
    assert.deepEqual(await Promise.all(asked), [
      ['a', 'a'],
      ['b', 'b'],
      ['c', 'c'],
    ])
    assert.equal(currentErrand(), undefined)
  })

  test('may be told more of', async () => {
    await onErrand({ requestId: 'a' }, async () => {
      tellErrand({ operation: 'memories.store' })
      assert.deepEqual(currentErrand()?.facts, { requestId: 'a', operation: 'memories.store' })
    })
    tellErrand({ operation: 'memories.store' })
    assert.equal(currentErrand(), undefined)
  })

  test('says nothing any more when it is over, however it ended', async () => {
    const told: (string | undefined)[] = []
    const later = (): Promise<void> => pause(20).then(() => void told.push(who()))
    let left: Promise<void> = Promise.resolve()
    await onErrand({ requestId: 'a' }, async () => {
      left = later()
    })
    await left
    await assert.rejects(
      onErrand({ requestId: 'b' }, async () => {
        left = later()
        throw new Error('it failed')
      }),
      /it failed/,
    )
    await left
    assert.deepEqual(told, [undefined, undefined])
  })

  test('is kept by work that another does, and is not that of what is done apart', async () => {
    let work = () => 'nobody' as string | undefined
    const first = onErrand({ requestId: 'a' }, async () => {
      work = withErrand(who)
      assert.equal(apart(who), undefined)
      await pause(20)
    })
    await onErrand({ requestId: 'b' }, async () => {
      assert.equal(who(), 'b')
      assert.equal(work(), 'a')
      assert.equal(who(), 'b')
    })
    await first
    assert.equal(withErrand(who)(), undefined)
  })
})
