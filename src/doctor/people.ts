/** How people sign in, and how many are. */
import { limits } from '../core/limits.ts'
import { countPeople, type PeopleCounts } from '../storage/people-counts.ts'
import type { Check } from './check.ts'
import { count, type Finding, pass, unknown } from './finding.ts'
import type { Scene } from './scene.ts'
import { eachTenant } from './tenants.ts'

const cannotTell =
  'The data cannot be opened, or there were too many tenants to look at all of them.'

export const passwords: Check = {
  id: 'passwords',
  about: 'How many users there are, and how many of them have a password and so can sign in.',
  warns: null,
  fails: null,
  unknown: cannotTell,
  look: (scene) =>
    overAll(scene, ({ users, withPassword }) => {
      return `${count(users, 'active user')}, ${withPassword} with a password`
    }),
}

export const signIns: Check = {
  id: 'sign-ins',
  about: 'How many sign-ins are open.',
  warns: null,
  fails: null,
  unknown: cannotTell,
  look: (scene) => overAll(scene, ({ signIns: open }) => `${open} open`),
}

async function overAll(scene: Scene, tell: (counts: PeopleCounts) => string): Promise<Finding> {
  const now = scene.clock()
  const at = { now, seenAfter: now - limits.signIn_idle_ms }
  const all = { users: 0, withPassword: 0, signIns: 0 }
  const { tenants, complete } = await eachTenant(await scene.data(), async (store) => {
    const { users, withPassword, signIns: open } = await countPeople(store, at)
    all.users += users
    all.withPassword += withPassword
    all.signIns += open
  })
  if (complete) return pass(tell(all))
  return unknown(
    `${tell(all)} in the first ${count(tenants, 'tenant')}, for more there was no time`,
    'look at the rest with `locket principals list user` and `locket sign-ins list`',
  )
}
