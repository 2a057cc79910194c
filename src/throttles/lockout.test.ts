/** The rules of the lockout, on every place where tries are counted. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { names, standing } from '../../test/throttles.ts'
import { limits } from '../core/limits.ts'
import { tryBudgets } from './budgets.ts'
import { type Attempt, createLockout, type Lockout } from './lockout.ts'
import { sameName } from './names.ts'
import { MemoryTries } from './tries.ts'

const minute_ms = 60_000
const alice = { tenant: 'acme', login: 'alice@example.com' }
const home = '192.0.2.1'
const elsewhere = (at: number): string => `198.51.${Math.floor(at / 200)}.${at % 200}`

function inMemory() {
  const { clock, pass } = standing()
  const tries = new MemoryTries(tryBudgets, clock)
  return { lockout: createLockout(names, [tries]), pass, tries }
}

/** Tries that are wrong, one after another, as many as are let through of these. */
async function wrong(lockout: Lockout, count: number, address = home): Promise<number> {
  let allowed = 0
  for (let at = 0; at < count; at += 1) {
    if ((await lockout.attempt(alice, address)).allowed) allowed += 1
  }
  return allowed
}

async function right(lockout: Lockout, address = home): Promise<boolean> {
  const attempt = await lockout.attempt(alice, address)
  if (attempt.allowed) await lockout.succeeded(attempt)
  return attempt.allowed
}

const refusalOf = (attempt: Attempt): [string, number] | null =>
  attempt.allowed ? null : [attempt.by, attempt.retryAfter_s]

describe('an account from one address [V6.3.1]', () => {
  test('is closed for half an hour after ten wrong tries', async () => {
    const { lockout, pass } = inMemory()
    assert.equal(await wrong(lockout, 9), 9)
    pass(20 * minute_ms)
    assert.equal(await wrong(lockout, 5), 1, 'the tenth is the last')
    assert.deepEqual(refusalOf(await lockout.attempt(alice, home)), ['account', 1_800])
    pass(29 * minute_ms)
    assert.deepEqual(refusalOf(await lockout.attempt(alice, home)), ['account', 60])
    pass(minute_ms)
    assert.equal(await wrong(lockout, 11), 10)
  })

  test('opens again with the right try, which itself does not count', async () => {
    const { lockout } = inMemory()
    for (let at = 0; at < 500; at += 1) assert.ok(await right(lockout))
    assert.equal(await wrong(lockout, 9), 9)
    assert.ok(await right(lockout))
    assert.equal(await wrong(lockout, 11), 10)
  })

  test('is not closed by tries that could not be checked, nor opened by them', async () => {
    const { lockout } = inMemory()
    assert.equal(await wrong(lockout, 9), 9)
    for (let at = 0; at < 200; at += 1) {
      const attempt = await lockout.attempt(alice, home)
      assert.ok(attempt.allowed)
      await lockout.withdrawn(attempt)
    }
    assert.equal(await wrong(lockout, 5), 1, 'the nine before are not forgotten')
    for (let at = 0; at < 200; at += 1) await lockout.attempt(alice, elsewhere(at))
    assert.ok(!(await lockout.attempt(alice, elsewhere(300))).allowed, 'and no address is known')
  })

  test('is looked at without a try, and known by what is no guess, which forgives none', async () => {
    const { lockout, pass } = inMemory()
    assert.deepEqual(await lockout.look(alice, home), { failures: 0, isNewAddress: true })
    assert.equal(await wrong(lockout, 9), 9)
    const before = { failures: 9, isNewAddress: true }
    for (let at = 0; at < 200; at += 1) {
      assert.deepEqual(await lockout.look(alice, home), before)
      await lockout.seen(alice, home)
    }
    assert.equal(await wrong(lockout, 5), 1, 'the nine before are not forgotten')
    pass(30 * minute_ms)
    await lockout.seen(alice, home)
    assert.equal((await lockout.look(alice, home)).isNewAddress, false)
    for (let at = 0; at < 200; at += 1) await lockout.attempt(alice, elsewhere(at))
    assert.ok(!(await lockout.attempt(alice, elsewhere(300))).allowed)
    assert.ok(await right(lockout), 'where its owner has been, he gets in')
  })

  test('is closed by right passwords that no factor follows, too, but the address is not', async () => {
    const { lockout } = inMemory()
    for (let at = 0; at < 10; at += 1) {
      const attempt = await lockout.attempt(alice, home)
      assert.ok(attempt.allowed)
      await lockout.halfway(attempt)
    }
    assert.deepEqual(refusalOf(await lockout.attempt(alice, home))?.[0], 'account')
    const others = Array.from({ length: 60 }, (_, at) => ({ ...alice, login: `person${at}` }))
    const told: boolean[] = []
    for (const other of others) told.push((await lockout.attempt(other, home)).allowed)
    assert.equal(told.filter((one) => one).length, 49, 'but for the one that found it closed')
  })

  test('is the same however the name is written (CVE-2025-6004)', async () => {
    const { lockout } = inMemory()
    const spellings = [
      'alice@example.com',
      'Alice@Example.COM',
      ' alice@example.com ',
      'alice @example.com',
      'ａlice@example.com',
      'alice\u200b@example.com',
      'alice@example.com\t',
      'ALICE\u00a0@example.com',
    ]
    for (let at = 0; at < 10; at += 1) {
      const login = spellings[at % spellings.length] ?? ''
      assert.ok((await lockout.attempt({ tenant: at % 2 ? 'acme' : ' ACME', login }, home)).allowed)
    }
    for (const login of spellings) {
      assert.ok(!(await lockout.attempt({ tenant: 'acme', login }, home)).allowed, login)
    }
    assert.ok((await lockout.attempt({ tenant: 'acme', login: 'bob@example.com' }, home)).allowed)
    assert.ok((await lockout.attempt({ ...alice, tenant: 'other' }, home)).allowed)
  })

  test('of IPv6 is a network', async () => {
    const { lockout } = inMemory()
    assert.equal(await wrong(lockout, 6, '2001:db8::1'), 6)
    assert.equal(await wrong(lockout, 6, '2001:db8::2'), 4)
    assert.equal(await wrong(lockout, 6, '2001:db8:0:1::1'), 6)
  })

  test('that is not known is one like others', async () => {
    const { lockout } = inMemory()
    for (let at = 0; at < 10; at += 1) assert.ok((await lockout.attempt(alice, null)).allowed)
    assert.ok(!(await lockout.attempt(alice, null)).allowed)
  })
})

describe('an address [V6.3.1]', () => {
  test('is closed after fifty wrong tries, whatever the accounts; and it is told that it is', async () => {
    const { lockout } = inMemory()
    const one = (at: number) => lockout.attempt({ tenant: 'acme', login: `user ${at}` }, home)
    for (let at = 0; at < 50; at += 1) assert.ok((await one(at)).allowed)
    assert.deepEqual(refusalOf(await one(99)), ['address', 1_800])
    assert.ok(await right(lockout, elsewhere(1)))
  })

  test('is closed as soon whether two names are one account or two', async () => {
    const names = [
      ['alice', 'alice'],
      ['alice', 'bob'],
    ]
    const seen: number[] = []
    for (const logins of names) {
      const { lockout } = inMemory()
      for (const login of logins) {
        for (let at = 0; at < 10; at += 1) await lockout.attempt({ tenant: 'acme', login }, home)
      }
      let more = 0
      while ((await lockout.attempt({ tenant: 'acme', login: `junk ${more}` }, home)).allowed)
        more++
      seen.push(more)
    }
    assert.deepEqual(seen, [30, 30])
  })

  test('of many people who sign in is not closed by the few who err', async () => {
    const { lockout } = inMemory()
    for (let at = 0; at < 300; at += 1) {
      const attempt = await lockout.attempt({ tenant: 'acme', login: `user ${at}` }, home)
      assert.ok(attempt.allowed)
      if (at % 10 > 0) await lockout.succeeded(attempt)
    }
  })
})

describe('others [V6.1.1]', () => {
  test('cannot close an account to where its owner has been, however many they are', async () => {
    const { lockout, pass } = inMemory()
    assert.ok(await right(lockout))
    let tried = 0
    for (let round = 0; round < 5; round += 1) {
      for (let at = 0; at < 300; at += 1) tried += await wrong(lockout, 2, elsewhere(at))
      assert.ok(await right(lockout), 'the owner')
      pass(60 * minute_ms)
    }
    assert.equal(tried, 500, 'they have had a hundred an hour')
  })

  test('close it to new addresses only for a while', async () => {
    const { lockout, pass } = inMemory()
    for (let at = 0; at < 100; at += 1) assert.equal(await wrong(lockout, 1, elsewhere(at)), 1)
    const refused = await lockout.attempt(alice, home)
    assert.deepEqual(refusalOf(refused), ['account', 3_600])
    pass(60 * minute_ms)
    assert.ok(await right(lockout))
  })

  test('who share its address close it there, and nowhere else', async () => {
    const { lockout } = inMemory()
    assert.ok(await right(lockout, elsewhere(1)))
    await wrong(lockout, 10)
    assert.ok(!(await right(lockout)))
    assert.ok(await right(lockout, elsewhere(1)))
    assert.ok(await right(lockout, elsewhere(2)))
  })

  test('do not become known to it by trying, nor stay known for ever', async () => {
    const { lockout, pass } = inMemory()
    assert.ok(await right(lockout))
    pass(limits.knownAddress_life_ms)
    for (let at = 0; at < 100; at += 1) await wrong(lockout, 1, elsewhere(at))
    assert.ok(!(await right(lockout)))
  })
})

describe('a hundred tries at once [V15.4.2]', () => {
  test('get no more than the bound of a pair, and the others count nothing', async () => {
    const { lockout, pass } = inMemory()
    const all = await Promise.all(Array.from({ length: 100 }, () => lockout.attempt(alice, home)))
    assert.equal(all.filter(({ allowed }) => allowed).length, tryBudgets.pair.tries)
    pass(30 * minute_ms)
    assert.equal(await wrong(lockout, 11), 10)
  })

  test('get no more than the bound of an account from everywhere', async () => {
    const { lockout } = inMemory()
    const all = await Promise.all(
      Array.from({ length: 300 }, (_, at) => lockout.attempt(alice, elsewhere(at))),
    )
    assert.equal(all.filter(({ allowed }) => allowed).length, tryBudgets.account.tries)
  })
})

test('no order of wrong and right tries lets more than ten wrong ones stand at once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 60 }), async (outcomes) => {
      const { lockout } = inMemory()
      let since = 0
      for (const isRight of outcomes) {
        const attempt = await lockout.attempt(alice, home)
        assert.equal(attempt.allowed, since < 10)
        if (!attempt.allowed) continue
        if (isRight) await lockout.succeeded(attempt)
        since = isRight ? 0 : since + 1
      }
    }),
    { numRuns: 50 },
  )
})

test('names have one form, and it is found in one step', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (name) => {
      assert.equal(sameName(sameName(name)), sameName(name))
    }),
  )
  assert.equal(sameName('STRASSE'), sameName('straße'))
  assert.notEqual(sameName('alice'), sameName('alicé'))
})

test('a lock is forgotten after many others only', async () => {
  const { clock } = standing()
  const tries = new MemoryTries(tryBudgets, clock)
  const of = (name: string) => ({ address: `a ${name}`, pair: `p ${name}`, account: `c ${name}` })
  for (let at = 0; at < 11; at += 1) await tries.reserve(of('locked'))
  // Each brings three new names; there is room for a hundred thousand.
  for (let at = 0; at < 50_000; at += 1) await tries.reserve(of(`other ${at}`))
  assert.equal((await tries.reserve(of('locked'))).refused?.axis, 'pair')
})

test('what is counted is no name of anybody', () => {
  const made = [names.account(alice), names.address(home), names.pair(alice, home)]
  assert.equal(new Set(made).size, 3)
  for (const one of made) assert.match(one, /^[\w-]{22}$/)
})
