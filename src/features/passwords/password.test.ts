import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failsWith } from '../../../test/stores.ts'
import { limits } from '../../core/limits.ts'
import type { Permission } from '../../core/permissions.ts'
import type { EffectiveGrant, Reach } from '../../kernel/rights.ts'
import { presets } from '../roles/role.ts'
import { isCommon } from './common-passwords.ts'
import { isAdministrator, NewPassword, refuseWeak } from './password.ts'
import { createPasswordWork } from './work.ts'

const cheap = { memory_KiB: 8, passes: 1, lanes: 1 }
const grant = (reach: Reach, ...permissions: Permission[]): EffectiveGrant => {
  return { grant: 'grt', reach, permissions: new Set(permissions) }
}

test('a password has 8 to 128 characters, of any kind [V6.2.1]', () => {
  const good = [
    '12345678',
    'x'.repeat(128),
    '🔒'.repeat(8),
    '🔒'.repeat(128),
    '        ',
    'a\0b\nc\td\x7f',
  ]
  const bad = [
    '',
    '1234567',
    'x'.repeat(129),
    '🔒'.repeat(7),
    '🔒'.repeat(129),
    `abcdefgh\ud800`,
    12345678,
    null,
  ]
  for (const text of good)
    assert.equal(NewPassword.parse(text), text, 'as it was, to the character')
  for (const text of bad) assert.ok(!NewPassword.safeParse(text).success, String(text))
})

test('an administrator’s has 15 [V6.2.1]', async () => {
  const own = [grant('own', 'memory:read', 'memory:write')]
  const service = [grant('tenant', 'memory:read')]
  const inOneSpace = [grant('spc_x', 'role:manage')]
  const admin = [...own, grant('tenant', 'user:manage')]
  for (const rights of [own, service, inOneSpace]) {
    assert.ok(!isAdministrator(rights))
    await refuseWeak('owl-and-14-mic', rights)
  }
  assert.ok(isAdministrator(admin))
  await assert.rejects(refuseWeak('owl-and-14-mic', admin), failsWith('invalid_input'))
  await refuseWeak('owl-and-15-mice', admin)
  assert.equal(limits.passwordOfAdministrator_codePoints_min, 15)
  assert.equal(presets.admin.reach, 'tenant')
})

test('one of the most common is refused, in whatever case, and without asking anybody [V6.2.12]', async () => {
  for (const password of ['password', 'PassWord1', 'qwertyuiop', '1234567890', 'IloveYou']) {
    assert.ok(await isCommon(password), password)
    await assert.rejects(refuseWeak(password, []), failsWith('invalid_input'))
  }
  for (const password of ['correct horse battery', 'password of mine', 'zx-81-is-not']) {
    assert.ok(!(await isCommon(password)), password)
  }
})

test('nobody’s password takes the same work, and never matches [V6.3.8]', async () => {
  const work = createPasswordWork({ cost: { memory_KiB: 16_384, passes: 2, lanes: 1 } })
  const hash = await work.hash('correct horse')
  const cpu = async (of: string | null): Promise<number> => {
    const before = process.cpuUsage()
    for (let at = 0; at < 8; at += 1) {
      assert.deepEqual(await work.verify('wrong horse', of), { matches: false, outdated: false })
    }
    const { user, system } = process.cpuUsage(before)
    return user + system
  }
  await cpu(hash)
  const ratios: number[] = []
  for (let at = 0; at < 5; at += 1) ratios.push((await cpu(null)) / (await cpu(hash)))
  const median = ratios.toSorted((one, other) => one - other)[2] ?? 0
  assert.ok(median > 0.7 && median < 1.4, `nobody’s takes ${median} times the work`)
})

test('what was hashed at another cost is told', async () => {
  const old = await createPasswordWork({ cost: cheap }).hash('correct horse')
  const now = createPasswordWork({ cost: { ...cheap, passes: 2 } })
  assert.deepEqual(await now.verify('correct horse', old), { matches: true, outdated: true })
})

test('so many at once, so many in wait, and no more [V15.2.2]', async () => {
  const work = createPasswordWork({ cost: cheap, atOnce_max: 2, waiting_max: 3 })
  const asked = Array.from({ length: 9 }, () => work.hash('correct horse'))
  const settled = await Promise.allSettled(asked)
  const refused = settled.filter((one) => one.status === 'rejected')
  assert.equal(refused.length, 4)
  for (const { reason } of refused) assert.ok(failsWith('unavailable')(reason))
  assert.ok(await work.hash('correct horse'), 'and takes more when those are done')
})
