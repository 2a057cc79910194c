import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fieldsOf, seed } from './document-fixture.ts'
import { createDocuments, type Documents } from './documents.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { termSeed } from './tokens.ts'

interface Space {
  readonly documents: Documents
  readonly sessions: Sessions
}

function emptySpace(): Space {
  const documents = createDocuments(termSeed(seed))
  return { documents, sessions: createSessions(documents) }
}

interface Added {
  readonly occurredAt: number
  readonly sessionId: string | null
  readonly privacyLevel?: string
}

function addWith({ documents, sessions }: Space, added: Added): number {
  const document = documents.add(fieldsOf(documents.count, added), 10)
  sessions.add(document)
  return document
}

function add(space: Space, occurredAt: number, sessionId: string | null): number {
  return addWith(space, { occurredAt, sessionId })
}

function remove({ documents, sessions }: Space, document: number): void {
  sessions.remove(document)
  documents.remove(document)
}

/** Walks a chain from any of its documents to one end and back to the other. */
function chainOf({ sessions }: Space, document: number): number[] {
  let first = document
  while ((sessions.before[first] as number) >= 0) first = sessions.before[first] as number
  const chain: number[] = []
  for (let at = first; at >= 0; at = sessions.after[at] as number) chain.push(at)
  return chain
}

describe('sessions', () => {
  test('a session is a chain in the order of time', () => {
    const space = emptySpace()
    const [c, a, b] = [3, 1, 2].map((at) => add(space, at, 's')) as [number, number, number]
    const other = add(space, 2, 'other')
    assert.deepEqual(chainOf(space, c), [a, b, c])
    assert.deepEqual(chainOf(space, other), [other])
    assert.equal(space.sessions.used, 2)
  })

  test('a memory without a session is a session of its own', () => {
    const space = emptySpace()
    const [a, b] = [add(space, 1, null), add(space, 1, null)]
    assert.deepEqual(chainOf(space, a), [a])
    assert.notEqual(space.sessions.of[a], space.sessions.of[b])
    assert.equal(space.sessions.used, 2)
  })

  test('the place of an emptied session is used again, and starts from nothing', () => {
    const space = emptySpace()
    for (let i = 0; i < 500; i++) {
      const document = add(space, i, `s${i}`)
      assert.equal(space.sessions.lengths[space.sessions.of[document] as number], 10)
      remove(space, document)
    }
    assert.equal(space.sessions.used, 0)
    assert.equal(space.sessions.capacity, 1)
    const again = [add(space, 2, 's3'), add(space, 1, 's3')]
    assert.deepEqual(chainOf(space, again[0] as number), again.toReversed())
  })

  test('more than walking reaches is sorted in when asked for', () => {
    const space = emptySpace()
    const documents = Array.from({ length: 300 }, (_, i) => add(space, 300 - i, 's'))
    space.sessions.settle()
    assert.deepEqual(chainOf(space, 0), documents.toReversed())
    space.sessions.settle()
    assert.deepEqual(chainOf(space, 0), documents.toReversed())
  })
})

test('any additions and removals leave the chains that sorting gives', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ at: fc.nat(200), session: fc.constantFrom('a', 'b') }) },
    fc.record({ gone: fc.nat(150) }),
  )
  const steps = fc.array(step, { maxLength: 300, size: 'max' })
  fc.assert(
    fc.property(steps, (drawn) => {
      const space = emptySpace()
      for (const one of drawn) {
        if ('at' in one) add(space, one.at, one.session)
        else if ((space.documents.lengths[one.gone] ?? 0) > 0) remove(space, one.gone)
      }
      space.sessions.settle()
      const { documents } = space
      const live = Array.from({ length: documents.count }, (_, document) => document).filter(
        (document) => documents.lengths[document] !== 0,
      )
      const chains = Map.groupBy(live, (document) => documents.fields(document).sessionId)
      assert.equal(space.sessions.used, chains.size)
      for (const chain of chains.values()) {
        const first = chain[0] as number
        const wanted = chain.toSorted((a, b) => documents.compareInTime(a, b))
        assert.deepEqual(chainOf(space, first), wanted)
        assert.equal(space.sessions.lengths[space.sessions.of[first] as number], chain.length * 10)
      }
    }),
    { numRuns: 60, interruptAfterTimeLimit: 20_000 },
  )
})

test('what each session holds of each level is what counting gives', () => {
  const levels = ['public', 'internal', 'sensitive', 'restricted']
  const step = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        sessionId: fc.constantFrom('a', 'b', 'c', null),
        privacyLevel: fc.constantFrom(...levels),
      }),
    },
    fc.record({ gone: fc.nat(60) }),
  )
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 120, size: 'max' }),
      fc.subarray(levels),
      (drawn, names) => {
        const space = emptySpace()
        const { documents, sessions } = space
        for (const one of drawn) {
          if ('privacyLevel' in one) addWith(space, { occurredAt: 0, ...one })
          else if ((documents.lengths[one.gone] ?? 0) > 0) remove(space, one.gone)
        }
        const allowed = documents.allowedLevels(names)
        const isSeen = (document: number): boolean =>
          documents.lengths[document] !== 0 && allowed[documents.levels[document] as number] === 1
        const seen = Array.from({ length: documents.count }, (_, document) => document).filter(
          isSeen,
        )
        assert.deepEqual(documents.totalsOf(allowed), {
          documents: seen.length,
          totalLength: seen.length * 10,
        })
        const bySession = Map.groupBy(seen, (document) => sessions.of[document] as number)
        assert.equal(sessions.seen(allowed), bySession.size)
        for (let session = 0; session < sessions.capacity; session++) {
          const count = bySession.get(session)?.length ?? 0
          const wanted = { documents: count, length: count * 10 }
          assert.deepEqual({ ...sessions.totalsOf(session, allowed) }, wanted)
        }
      },
    ),
    { numRuns: 100 },
  )
})
