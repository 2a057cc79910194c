import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Id } from '../core/ids.ts'
import { type Permission, permissions } from '../core/permissions.ts'
import type { PrincipalId } from '../storage/tables.ts'
import {
  covers,
  type EffectiveGrant,
  holds,
  narrow,
  outranks,
  overSpace,
  overTenant,
  type Party,
  type Reach,
  type Rights,
  type SpaceRef,
  together,
} from './rights.ts'

const spaces: readonly Id<'spc'>[] = ['spc_a', 'spc_b']
const people: readonly PrincipalId[] = ['usr_1', 'usr_2']

const permission = fc.constantFrom(...permissions)
const reach = fc.constantFrom<Reach[]>('tenant', 'own', ...spaces)
const grant: fc.Arbitrary<EffectiveGrant> = fc.record({
  grant: fc.constantFrom('grt_1', 'grt_2'),
  reach,
  permissions: fc.uniqueArray(permission, { maxLength: 5 }).map((list) => new Set(list)),
})
const rights: fc.Arbitrary<Rights> = fc.array(grant, { maxLength: 4 })
const allowed = fc.uniqueArray(permission).map((list) => new Set(list))
const space = fc.record({
  id: fc.constantFrom(null, ...spaces),
  ownerId: fc.constantFrom(null, ...people),
})
const principal = fc.constantFrom(...people)

const check = (property: Parameters<typeof fc.assert>[0]): void => {
  fc.assert(property, { numRuns: 500 })
}

const of = (where: Reach, ...what: Permission[]): Rights => [
  { grant: 'grt_1', reach: where, permissions: new Set(what) },
]

test('everyone covers himself', () => {
  check(fc.property(rights, (mine) => covers(mine, mine, 'self')))
})

test('covering is transitive', () => {
  check(
    fc.property(rights, rights, rights, (a, b, c) => {
      fc.pre(covers(a, b) && covers(b, c))
      return covers(a, c)
    }),
  )
})

test('more rights never cover less; less is never harder to cover', () => {
  check(
    fc.property(rights, rights, rights, (mine, theirs, more) => {
      fc.pre(covers(mine, theirs))
      return covers([...mine, ...more], theirs) && covers(mine, theirs.slice(1))
    }),
  )
})

test('two that are covered are covered together', () => {
  check(
    fc.property(rights, rights, rights, (mine, a, b) => {
      assert.equal(covers(mine, [...a, ...b]), covers(mine, a) && covers(mine, b))
    }),
  )
})

test('who covers another can do all that the other can, wherever', () => {
  check(
    fc.property(rights, rights, fc.tuple(permission, space), (mine, theirs, [what, where]) => {
      fc.pre(covers(mine, theirs) && what !== 'self:read')
      for (const who of people) {
        const on = { space: where, principal: who }
        if (overSpace(theirs, what, on))
          assert.ok(overSpace(mine, what, { ...on, principal: 'usr_3' }))
      }
      if (overTenant(theirs, what)) assert.ok(overTenant(mine, what))
    }),
  )
})

test('who covers his own narrower credential can do all that it can', () => {
  check(
    fc.property(rights, rights, fc.tuple(permission, space, principal), (mine, key, call) => {
      const [what, where, who] = call
      fc.pre(covers(mine, key, 'self') && what !== 'self:read')
      const on = { space: where, principal: who }
      if (overSpace(key, what, on)) assert.ok(overSpace(mine, what, on))
    }),
  )
})

test('a narrowed credential is covered by what it was narrowed from, and does what it says', () => {
  check(
    fc.property(rights, allowed, permission, (mine, scopes, what) => {
      const narrowed = narrow(mine, scopes)
      assert.ok(covers(mine, narrowed, 'self'))
      const kept = scopes.has(what) || what === 'self:read'
      assert.equal(holds(narrowed, what), holds(mine, what) && kept)
      assert.equal(overTenant(narrowed, what) !== null, overTenant(mine, what) !== null && kept)
    }),
  )
})

test('narrowing twice is narrowing to what both allow', () => {
  check(
    fc.property(rights, allowed, allowed, (mine, one, two) => {
      assert.deepEqual(narrow(narrow(mine, one), two), narrow(mine, one.intersection(two)))
    }),
  )
})

test('nobody outranks whom he does not cover, but for rights over memories', () => {
  check(
    fc.property(rights, rights, (mine, theirs) => {
      if (covers(mine, theirs)) assert.ok(outranks(mine, theirs))
      const administrative = permissions.filter((one) => !/^(memory|self):/.test(one))
      const bare = narrow(theirs, new Set(administrative))
      assert.equal(outranks(mine, theirs), covers(mine, bare))
    }),
  )
})

test('what holds over the tenant holds over every space, what holds nowhere over none', () => {
  check(
    fc.property(rights, permission, space, (mine, what, where) => {
      for (const who of people) {
        const found = overSpace(mine, what, { space: where, principal: who })
        if (overTenant(mine, what)) assert.ok(found)
        if (!holds(mine, what)) assert.equal(found, null)
      }
    }),
  )
})

const decisions: readonly (readonly [Reach, Parameters<typeof overSpace>[2]['space'], boolean])[] =
  [
    ['tenant', { id: 'spc_a', ownerId: 'usr_2' }, true],
    ['tenant', { id: null, ownerId: null }, true],
    ['own', { id: 'spc_a', ownerId: 'usr_1' }, true],
    ['own', { id: 'spc_a', ownerId: 'usr_2' }, false],
    ['own', { id: 'spc_a', ownerId: null }, false],
    ['spc_a', { id: 'spc_a', ownerId: 'usr_2' }, true],
    ['spc_a', { id: 'spc_b', ownerId: 'usr_1' }, false],
    ['spc_a', { id: null, ownerId: 'usr_1' }, false],
  ]

for (const [held, where, yes] of decisions) {
  test(`reach ${held} ${yes ? 'includes' : 'leaves out'} ${where.id} of ${where.ownerId}`, () => {
    const found = overSpace(of(held, 'memory:read'), 'memory:read', {
      space: where,
      principal: 'usr_1',
    })
    assert.equal(found, yes ? 'grt_1' : null, 'the grant is named as the reason')
  })
}

const comparisons: readonly (readonly [string, Rights, Rights, boolean, boolean])[] = [
  ['tenant over own', of('tenant', 'memory:read'), of('own', 'memory:read'), true, true],
  ['tenant over a space', of('tenant', 'memory:read'), of('spc_a', 'memory:read'), true, true],
  [
    'a space over the tenant',
    of('spc_a', 'memory:read'),
    of('tenant', 'memory:read'),
    false,
    false,
  ],
  ['a space over itself', of('spc_a', 'memory:read'), of('spc_a', 'memory:read'), true, true],
  ['a space over another', of('spc_a', 'memory:read'), of('spc_b', 'memory:read'), false, false],
  ['own over own', of('own', 'memory:read'), of('own', 'memory:read'), false, true],
  ['own over the tenant', of('own', 'memory:read'), of('tenant', 'memory:read'), false, false],
  ['nothing over asking who one is', [], of('own', 'self:read'), true, true],
  [
    'one permission over another',
    of('tenant', 'memory:read'),
    of('own', 'memory:write'),
    false,
    false,
  ],
]

for (const [what, mine, theirs, other, self] of comparisons) {
  test(`${what}: ${other ? 'covers' : 'does not cover'} another's, ${self ? 'and' : 'nor'} one's own`, () => {
    assert.equal(covers(mine, theirs), other)
    assert.equal(covers(mine, theirs, 'other'), other)
    assert.equal(covers(mine, theirs, 'self'), self)
  })
}

describe('two together [V8.3.3]', () => {
  const [agent, user] = ['agt_1', 'usr_1'] as const
  const parties: readonly PrincipalId[] = [agent, user, 'usr_2']
  const pair = fc.tuple(rights, rights).map(([mine, theirs]): [Party, Party] => [
    { principalId: agent, rights: mine },
    { principalId: user, rights: theirs },
  ])
  const place = fc.record({
    id: fc.constantFrom(null, ...spaces),
    ownerId: fc.constantFrom(null, ...parties),
  })
  const alone = ({ rights, principalId }: Party, what: Permission, where: SpaceRef): boolean =>
    overSpace(rights, what, { space: where, principal: principalId }) !== null
  const forNobodyElse = (what: Permission): boolean =>
    ['self:read', 'api-key:manage', 'system:admin'].includes(what)

  test('nothing is allowed in a space that either alone is refused, and all that neither is', () => {
    check(
      fc.property(pair, permission, place, ([one, other], what, where) => {
        fc.pre(what !== 'self:read')
        const both = together(one, other)
        const may = alone(one, what, where) && alone(other, what, where) && !forNobodyElse(what)
        for (const principalId of [agent, user]) {
          assert.equal(alone({ principalId, rights: both }, what, where), may)
        }
      }),
    )
  })

  test('nothing is allowed over the tenant, or anywhere, that either alone is refused', () => {
    check(
      fc.property(pair, permission, ([one, other], what) => {
        const both = together(one, other)
        const tenant = [one, other].every(({ rights }) => overTenant(rights, what) !== null)
        const expected = tenant && !forNobodyElse(what)
        if (what !== 'self:read') assert.equal(overTenant(both, what) !== null, expected)
        if (holds(both, what)) assert.ok(holds(one.rights, what) && holds(other.rights, what))
      }),
    )
  })

  test('nothing is given away that either alone could not give', () => {
    check(
      fc.property(pair, rights, ([one, other], given) => {
        fc.pre(covers(together(one, other), given))
        assert.ok(covers(one.rights, given) && covers(other.rights, given))
      }),
    )
  })

  test('nobody is outranked that either alone does not outrank', () => {
    check(
      fc.property(pair, rights, ([one, other], theirs) => {
        fc.pre(outranks(together(one, other), theirs))
        assert.ok(outranks(one.rights, theirs) && outranks(other.rights, theirs))
      }),
    )
  })

  test('a scope of either narrows both', () => {
    check(
      fc.property(pair, allowed, fc.tuple(permission, place), ([one, other], scopes, call) => {
        const [what, where] = call
        fc.pre(!scopes.has(what) && what !== 'self:read')
        const narrowed = { ...one, rights: narrow(one.rights, scopes) }
        for (const both of [together(narrowed, other), together(other, narrowed)]) {
          assert.ok(!alone({ principalId: agent, rights: both }, what, where))
        }
      }),
    )
  })

  test('who acts for somebody is still told who he is, where both may ask', () => {
    const self: Rights = [{ grant: 'self', reach: 'own', permissions: new Set(['self:read']) }]
    const one = { principalId: agent, rights: self }
    assert.ok(holds(together(one, { principalId: user, rights: self }), 'self:read'))
    assert.ok(!holds(together(one, { principalId: user, rights: [] }), 'self:read'))
  })

  test('what both own does not meet: a space has one owner', () => {
    const own = of('own', 'memory:read')
    const both = together({ principalId: agent, rights: own }, { principalId: user, rights: own })
    assert.deepEqual(both, [])
  })

  test('an agent that may everywhere is held to what the user owns, by one grant of each', () => {
    const both = together(
      { principalId: agent, rights: of('tenant', 'memory:read', 'memory:write') },
      { principalId: user, rights: of('own', 'memory:read') },
    )
    const permissions = new Set<Permission>(['memory:read'])
    assert.deepEqual(both, [{ grant: 'grt_1+grt_1', reach: 'own of usr_1', permissions }])
  })

  test('many grants that reach as far do not multiply', () => {
    const grants = (count: number): Rights =>
      Array.from({ length: count }, (_, at) => ({
        grant: `grt_${at}`,
        reach: 'tenant' as const,
        permissions: new Set<Permission>(['memory:read', 'memory:write']),
      }))
    const [one, other] = [agent, user].map((principalId) => ({ principalId, rights: grants(100) }))
    assert.equal(one && other && together(one, other).length, 1)
  })
})
