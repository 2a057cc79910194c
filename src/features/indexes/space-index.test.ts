import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fieldsOf, idOf, seed } from './document-fixture.ts'
import {
  createSpaceIndex,
  type DocumentFields,
  type Scope,
  type SpaceIndex,
} from './space-index.ts'

function indexWith(...texts: string[]): SpaceIndex {
  const index = createSpaceIndex({ seed })
  for (const [number, text] of texts.entries()) index.put(fieldsOf(number), text)
  return index
}

function found(index: SpaceIndex, query: string, scope: Scope = {}): string[] {
  return index.search(query, { limit: 100, now: 0, ...scope }).map(({ id }) => id)
}

const all = { limit: 1000, now: 0 }

describe('put and remove', () => {
  test('an empty index answers everything with nothing', () => {
    const index = createSpaceIndex({ seed })
    assert.equal(index.size, 0)
    assert.deepEqual(index.search('tea', all), [])
    assert.deepEqual(index.search('tea', { ...all, privacyLevels: ['internal'] }), [])
    assert.deepEqual(index.list(all), [])
    assert.deepEqual(index.sessions(all), [])
    assert.equal(index.remove(idOf(0)), false)
  })

  test('a memory is found by its words, its stems and no others', () => {
    const index = indexWith('Alice takes her coffee without sugar')
    assert.deepEqual(found(index, 'how does she take coffees?'), [idOf(0)])
    assert.deepEqual(found(index, 'tea'), [])
  })

  test('a replaced memory is found by its new words only', () => {
    const index = indexWith('coffee', 'tea')
    index.put(fieldsOf(0), 'water')
    assert.equal(index.size, 2)
    assert.deepEqual(found(index, 'coffee'), [])
    assert.deepEqual(found(index, 'water'), [idOf(0)])
    assert.deepEqual(index.list(all), [idOf(1), idOf(0)])
  })

  test('a removed memory is gone and may come back', () => {
    const index = indexWith('coffee', 'coffee')
    assert.equal(index.remove(idOf(0)), true)
    assert.equal(index.remove(idOf(0)), false)
    assert.equal(index.size, 1)
    assert.deepEqual(found(index, 'coffee'), [idOf(1)])
    index.put(fieldsOf(0), 'coffee')
    assert.deepEqual(found(index, 'coffee'), [idOf(0), idOf(1)])
  })

  test('a text without words is kept and listed', () => {
    const index = indexWith('!?', '', 'tea')
    assert.equal(index.size, 3)
    assert.deepEqual(index.list(all), [idOf(2), idOf(1), idOf(0)])
    assert.deepEqual(found(index, 'tea'), [idOf(2)])
    assert.equal(index.remove(idOf(0)), true)
  })

  test('an index of wordless texts answers a query', () => {
    const index = indexWith('!?', '')
    assert.deepEqual(found(index, 'tea'), [])
    assert.deepEqual(found(index, 'tea', { privacyLevels: ['internal'] }), [])
  })
})

describe('queries', () => {
  test('empty and letterless ones find nothing, one letter finds itself', () => {
    const index = indexWith('vitamin c is good', '-- ?? ..')
    for (const query of ['', ' ', '?', '--', '…', '\u0000'])
      assert.deepEqual(found(index, query), [])
    assert.deepEqual(found(index, 'c'), [idOf(0)])
  })

  test('words that are properties of objects are plain words', () => {
    const index = indexWith('the constructor', '__proto__ pollution', 'hasOwnProperty', 'tea')
    assert.deepEqual(found(index, 'constructor'), [idOf(0)])
    assert.deepEqual(found(index, '__proto__'), [idOf(1)])
    assert.deepEqual(found(index, 'toString valueOf'), [])
  })

  const languages: [string, string, string][] = [
    ['emoji', 'we danced 🎉 all night', '🎉'],
    ['Arabic', 'أحب القهوة بدون سكر', 'القهوة'],
    ['Chinese', '我喜欢喝咖啡', '咖啡'],
    ['Japanese', '私は東京タワーが好きです', '東京タワー'],
    ['Korean', '저는 커피를 좋아해요', '커피를'],
    ['decomposed accents', 'le cafe\u0301 de Jose\u0301', 'café'],
    ['Turkish', 'ISPARTA gülleri', 'ısparta'],
    ['Greek', 'ο ΟΔΟΣ', 'οδός'],
    ['German', 'Straße', 'STRASSE'],
  ]
  for (const [name, text, query] of languages) {
    test(`${name} is found, among others that are not`, () => {
      const index = indexWith('something else entirely 別', text, 'שלום עולם')
      assert.deepEqual(found(index, query), [idOf(1)])
    })
  }

  test('the limit holds, the best come first, equal scores in the order of ids', () => {
    const index = indexWith(
      ...Array.from({ length: 50 }, (_, i) => (i === 40 ? 'tea tea' : 'tea x')),
    )
    for (const limit of [1, 2, 10, 49]) {
      const ids = index.search('tea', { limit, now: 0 }).map(({ id }) => id)
      const others = Array.from({ length: 50 }, (_, i) => idOf(i)).filter((id) => id !== idOf(40))
      assert.deepEqual(ids, [idOf(40), ...others.slice(0, limit - 1)])
    }
    for (const limit of [0, -1]) assert.deepEqual(index.search('tea', { limit, now: 0 }), [])
  })
})

describe('expiry', () => {
  const expiring = (): SpaceIndex => {
    const index = indexWith('tea')
    index.put(fieldsOf(1, { expiresAt: 100, sessionId: 's' }), 'tea')
    index.put(fieldsOf(2, { expiresAt: 50 }), 'tea')
    return index
  }

  test('what has expired is in no answer, from that very moment', () => {
    const index = expiring()
    assert.equal(index.search('tea', { limit: 9, now: 49 }).length, 3)
    assert.equal(index.search('tea', { limit: 9, now: 50 }).length, 2)
    assert.deepEqual(index.sessions({ limit: 9, now: 99 }).length, 1)
    assert.deepEqual(index.list({ limit: 9, now: 100 }), [idOf(0)])
    assert.deepEqual(index.sessions({ limit: 9, now: 100 }), [])
    assert.equal(index.size, 1)
  })

  test('it leaves no trace in the scores of others', () => {
    const index = expiring()
    const fresh = indexWith('tea').search('tea', { limit: 9, now: 100 })
    assert.deepEqual(index.search('tea', { limit: 9, now: 100 }), fresh)
  })

  test('a new expiry replaces the old one', () => {
    const index = expiring()
    index.put(fieldsOf(2, { expiresAt: null }), 'tea')
    index.put(fieldsOf(1, { expiresAt: 500 }), 'tea')
    assert.equal(index.search('tea', { limit: 9, now: 200 }).length, 3)
    assert.equal(index.search('tea', { limit: 9, now: 500 }).length, 2)
  })

  test('many expire in the order of their times', () => {
    const index = createSpaceIndex({ seed })
    const times = Array.from({ length: 200 }, (_, i) => (i * 77) % 200)
    for (const [i, time] of times.entries()) index.put(fieldsOf(i, { expiresAt: time }), 'tea')
    for (const now of [0, 10, 11, 150, 199]) {
      const left = times.filter((time) => time > now).length
      assert.equal(index.list({ limit: 1000, now }).length, left)
    }
  })
})

describe('what the caller may see', () => {
  const mixed = (): SpaceIndex => {
    const index = createSpaceIndex({ seed })
    const levels = ['public', 'internal', 'restricted']
    for (let i = 0; i < 30; i++) {
      const privacyLevel = levels[i % 3] as string
      const changes = {
        privacyLevel,
        sessionId: i < 15 ? 'one' : null,
        type: i % 2 ? 'goal' : 'fact',
      }
      index.put(fieldsOf(i, changes), i % 5 === 0 ? 'violin lesson' : 'violin')
    }
    return index
  }

  test('levels keep the rest out of every answer', () => {
    const index = mixed()
    const scope = { ...all, privacyLevels: ['public'] }
    const isPublic = (id: string) => Number(id.slice(4)) % 3 === 0
    assert.equal(index.search('violin', scope).length, 10)
    assert.ok(index.search('violin lesson', scope).every(({ id }) => isPublic(id)))
    assert.ok(index.list(scope).every(isPublic))
    assert.equal(index.list(scope).length, 10)
    assert.deepEqual(
      index.sessions(scope).map(({ memories }) => memories),
      [5],
    )
  })

  test('no level at all, and one that nobody has, see nothing', () => {
    for (const privacyLevels of [[], ['secret'], ['__proto__']]) {
      const scope = { ...all, privacyLevels }
      assert.deepEqual(mixed().search('violin', scope), [])
      assert.deepEqual(mixed().list(scope), [])
      assert.deepEqual(mixed().sessions(scope), [])
    }
  })

  test('a rejected memory is in no answer and lends no weight', () => {
    const index = createSpaceIndex({ seed })
    index.put(fieldsOf(0, { sessionId: 's', type: 'goal' }), 'learn the violin')
    index.put(fieldsOf(1, { sessionId: 's' }), 'good luck')
    assert.deepEqual(found(index, 'violin'), [idOf(0), idOf(1)])
    assert.deepEqual(found(index, 'violin', { accept: ({ type }) => type === 'fact' }), [])
  })

  test('accept is asked once for a memory, and not about those that cannot be found', () => {
    const index = mixed()
    index.put(fieldsOf(99), 'drums')
    const asked: string[] = []
    const accept = ({ id }: DocumentFields): boolean => asked.push(id) > 0
    index.search('violin lesson violins', { ...all, accept })
    assert.equal(asked.length, 30)
    assert.equal(new Set(asked).size, 30)
  })

  test('accept is not asked about what the caller may not see', () => {
    const asked: string[] = []
    const accept = ({ privacyLevel }: DocumentFields): boolean => asked.push(privacyLevel) > 0
    const scope = { ...all, privacyLevels: ['public', 'internal'], accept }
    mixed().search('violin', scope)
    mixed().list(scope)
    mixed().sessions(scope)
    // Of the sessions, only what stands in one is asked about.
    assert.equal(asked.length, 20 + 20 + 10)
    assert.ok(!asked.includes('restricted'))
  })

  test('accept reads every field', () => {
    const index = createSpaceIndex({ seed })
    const fields = fieldsOf(7, {
      type: 'goal',
      tags: ['a', 'b'],
      sessionId: 's',
      agentId: 'agent:x',
      importance: 0.1,
      privacyLevel: 'sensitive',
      occurredAt: 1.5e12,
      expiresAt: 2e12,
      metadata: { deep: { list: [1, 'two', null] } },
    })
    index.put(fields, 'tea')
    let seen: DocumentFields | undefined
    const accept = (document: DocumentFields): boolean => {
      seen = document
      return true
    }
    index.search('tea', { ...all, accept })
    assert.ok(seen)
    for (const name of Object.keys(fields) as (keyof DocumentFields)[]) {
      assert.deepEqual(seen[name], fields[name], name)
    }
  })

  test('a failing accept fails the search and leaves nothing behind', () => {
    const index = mixed()
    const before = index.search('violin lesson', all)
    const accept = (): boolean => {
      throw new Error('broken filter')
    }
    assert.throws(() => index.search('violin lesson', { ...all, accept }), /broken filter/)
    assert.deepEqual(index.search('violin lesson', all), before)
  })

  test('accept cannot search while the working memory is in use', () => {
    const index = mixed()
    const accept = (): boolean => index.search('violin', all).length > 0
    assert.throws(() => index.search('violin', { ...all, accept }), /must not search/)
    assert.equal(index.search('violin', all).length, 30)
  })
})

describe('list', () => {
  test('goes down by id, from below a given one, whatever the order of storing', () => {
    const index = createSpaceIndex({ seed })
    for (const number of [3, 1, 4, 0, 2]) index.put(fieldsOf(number), 'tea')
    const down = [4, 3, 2, 1, 0].map(idOf)
    assert.deepEqual(index.list(all), down)
    assert.deepEqual(index.list({ ...all, limit: 2 }), down.slice(0, 2))
    assert.deepEqual(index.list({ ...all, before: idOf(3) }), down.slice(2))
    assert.deepEqual(index.list({ ...all, before: `${idOf(2)}5` }), down.slice(2))
    assert.deepEqual(index.list({ ...all, before: idOf(0) }), [])
    assert.deepEqual(index.list({ ...all, before: 'zzz' }), down)
    assert.deepEqual(index.list({ ...all, limit: 0 }), [])
    index.put(fieldsOf(1), 'milk')
    assert.deepEqual(index.list(all), down)
  })

  test('pages meet without gap or overlap', () => {
    const index = indexWith(...Array.from({ length: 25 }, () => 'tea'))
    const accept = ({ createdAt }: DocumentFields): boolean => createdAt % 3 !== 0
    const pages: string[] = []
    for (let before: string | undefined; ; before = pages.at(-1)) {
      const page = index.list({ limit: 4, now: 0, before, accept })
      if (page.length === 0) break
      pages.push(...page)
    }
    assert.deepEqual(pages, index.list({ ...all, accept }))
  })

  test('goes up by id, from above a given one, past what was changed and removed', () => {
    const index = createSpaceIndex({ seed })
    for (const number of [3, 1, 4, 0, 2]) index.put(fieldsOf(number), 'tea')
    const up = [0, 1, 2, 3, 4].map(idOf)
    assert.deepEqual(index.listUp(all), up)
    assert.deepEqual(index.listUp({ ...all, limit: 2 }), up.slice(0, 2))
    assert.deepEqual(index.listUp({ ...all, after: idOf(1) }), up.slice(2))
    assert.deepEqual(index.listUp({ ...all, after: `${idOf(2)}5` }), up.slice(3))
    assert.deepEqual(index.listUp({ ...all, after: idOf(4) }), [])
    assert.deepEqual(index.listUp({ ...all, limit: 0 }), [])
    index.put(fieldsOf(1), 'milk')
    index.remove(idOf(3))
    assert.deepEqual(index.listUp({ ...all, after: idOf(1) }), [idOf(2), idOf(4)])
    const accept = ({ createdAt }: DocumentFields): boolean => createdAt === 1
    assert.deepEqual(index.listUp({ ...all, accept }), index.list({ ...all, accept }))
  })
})

test('sessions are counted, dated and ordered by their latest memory', () => {
  const index = createSpaceIndex({ seed })
  for (const [number, sessionId] of ['b', 'a', 'b', null, 'c', 'a'].entries()) {
    index.put(fieldsOf(number, { sessionId, occurredAt: 10 * Math.min(number, 4) }), 'tea')
  }
  const a = { sessionId: 'a', memories: 2, firstAt: 10, lastAt: 40 }
  const b = { sessionId: 'b', memories: 2, firstAt: 0, lastAt: 20 }
  const c = { sessionId: 'c', memories: 1, firstAt: 40, lastAt: 40 }
  assert.deepEqual(index.sessions(all), [a, c, b])
  assert.deepEqual(index.sessions({ ...all, limit: 1 }), [a])
  index.remove(idOf(4))
  index.put(fieldsOf(5, { sessionId: 'b', occurredAt: 15 }), 'tea')
  assert.deepEqual(index.sessions(all), [
    { ...b, memories: 3 },
    { ...a, memories: 1, lastAt: 10 },
  ])
})

describe('sweeping', () => {
  test('no step looks at much, and in the end nothing of the removed ones is held', () => {
    const index = createSpaceIndex({ seed })
    const count = 3_000
    const text = (i: number): string => `number ${i} of the tea and the milk`
    for (let i = 0; i < count; i++) index.put(fieldsOf(i, { sessionId: `s${i}` }), text(i))
    const full = index.bytes
    for (let round = 0; round < 6; round++) {
      for (let i = round % 2; i < count; i += 2) index.remove(idOf(i))
      for (let i = round % 2; i < count; i += 2) {
        index.put(fieldsOf(i, { sessionId: `s${i}.${round}` }), text(i))
      }
    }
    assert.ok(index.bytes < full * 2, `${full} bytes, then ${index.bytes}`)
    const fresh = createSpaceIndex({ seed })
    for (let i = 0; i < count; i++) fresh.put(fieldsOf(i), text(i))
    for (const query of ['number 17', 'milk', '"the tea" 2999']) {
      assert.deepEqual(index.search(query, all), fresh.search(query, all))
    }
    assert.deepEqual(index.list(all), fresh.list(all))
  })

  test('what goes while a sweep is under way is not forgotten', () => {
    const index = createSpaceIndex({ seed })
    const words = (i: number): string =>
      Array.from({ length: 250 }, (_, k) => `w${(i * 31 + k * 7) % 997}`).join(' ')
    const round = (): void => {
      for (let i = 0; i < 300; i++) index.put(fieldsOf(i), words(i))
    }
    for (let n = 0; n < 6; n++) round()
    const early = index.bytes
    for (let n = 0; n < 12; n++) round()
    assert.ok(index.bytes < early * 1.1, `${early} bytes, then ${index.bytes}`)
  })
})
