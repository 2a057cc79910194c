import assert from 'node:assert/strict'
import { argon2Sync } from 'node:crypto'
import { test } from 'node:test'
import { hashPassword, isOutdated, passwordCost, passwordMatches } from './password-hash.ts'

/** As cheap as argon2 can be: these tests are about form. */
const cheap = { memory_KiB: 8, passes: 1, lanes: 1 }

test('the argon2id underneath is that of RFC 9106, section 5.3', () => {
  const tag = argon2Sync('argon2id', {
    message: Buffer.alloc(32, 1),
    nonce: Buffer.alloc(16, 2),
    secret: Buffer.alloc(8, 3),
    associatedData: Buffer.alloc(12, 4),
    memory: 32,
    passes: 3,
    parallelism: 4,
    tagLength: 32,
  })
  const expected = '0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659'
  assert.equal(tag.toString('hex'), expected)
})

test('a hash says what it was made with, and no two are alike [V11.4.2]', async () => {
  const [one, other] = [await hashPassword('correct horse'), await hashPassword('correct horse')]
  assert.match(one, /^\$argon2id\$v=19\$m=65536,t=3,p=4\$[\w+/]{22}\$[\w+/]{43}$/)
  assert.notEqual(one, other)
  assert.ok(await passwordMatches('correct horse', one))
  assert.ok(!isOutdated(one))
})

test('a password is compared to the byte [V6.2.8]', async () => {
  const long = 'x'.repeat(127)
  const pairs: readonly (readonly [password: string, others: readonly string[]])[] = [
    ['Tr0ub4dor&3', ['tr0ub4dor&3', 'TR0UB4DOR&3', 'Tr0ub4dor&3 ', ' Tr0ub4dor&3', 'Tr0ub4dor&']],
    ['  spaces  ', ['spaces', ' spaces ', '  spaces ']],
    [`${long}a`, [`${long}b`, long, `${long}a`.slice(0, 72)]],
    ['Ångström', ['A\u030angstro\u0308m', 'Angstrom']],
    ['nul\0after', ['nul', 'nul\0', 'nul\0other']],
    ['🔒🔑🗝️🚪', ['🔒🔑🗝🚪', '🔒🔑']],
  ]
  for (const [password, others] of pairs) {
    const hash = await hashPassword(password, cheap)
    assert.ok(await passwordMatches(password, hash), password)
    for (const other of others) assert.ok(!(await passwordMatches(other, hash)), other)
  }
})

test('a hash made at another cost is told, and still opens [V11.2.2]', async () => {
  const old = await hashPassword('correct horse', cheap)
  assert.ok(isOutdated(old))
  for (const change of [{ memory_KiB: 128 }, { passes: 2 }, { lanes: 2 }]) {
    const other = { ...cheap, memory_KiB: 64, ...change }
    assert.ok(isOutdated(await hashPassword('x', other), { ...cheap, memory_KiB: 64 }))
  }
  assert.ok(!isOutdated(old, cheap))
  assert.ok(await passwordMatches('correct horse', old))
})

test('what is no hash of ours is an error, not a mismatch', async () => {
  const good = await hashPassword('correct horse', cheap)
  const bad = [
    '',
    'correct horse',
    good.slice(0, -1),
    `${good}=`,
    good.replace('argon2id', 'argon2i'),
    good.replace('v=19', 'v=16'),
    good.replace('m=8', 'm=99999999'),
    `x${good}`,
    `${good}\n`,
  ]
  for (const hash of bad) {
    await assert.rejects(passwordMatches('correct horse', hash), /no hash/)
    assert.throws(() => isOutdated(hash), /no hash/)
  }
})

test('hashing leaves the event loop free', async () => {
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
  }, 1)
  await hashPassword('correct horse', passwordCost)
  clearInterval(timer)
  assert.ok(turns > 3, `${turns} turns of the loop meanwhile`)
})
