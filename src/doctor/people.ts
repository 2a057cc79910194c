/** How people sign in, and how many are. */
import { limits } from '../core/limits.ts'
import { factorKindModules } from '../features/factors/kinds.ts'
import { isAdministrator } from '../features/passwords/password.ts'
import { rightsOf } from '../features/roles/rights.ts'
import { ownSignInPolicy } from '../features/sign-in-policies/sign-in-policy.ts'
import { countPeople, type PeopleCounts, peopleWithPassword } from '../storage/people-counts.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import type { Check } from './check.ts'
import { count, type Finding, pass, unknown, warn } from './finding.ts'
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

interface Coverage {
  people: number
  withFactor: number
  administratorsWithout: number
}

export const secondFactors: Check = {
  id: 'second-factors',
  about: 'How many of those who can sign in with a password have a second factor.',
  warns: 'An administrator has none.',
  fails: null,
  unknown: cannotTell,
  look: async (scene) => {
    const all: Coverage = { people: 0, withFactor: 0, administratorsWithout: 0 }
    const walk = await eachTenant(await scene.data(), (store) => cover(store, all))
    const { people, withFactor, administratorsWithout: without } = all
    const saw = `${withFactor} of ${people} with a password have one; ${
      without === 0 ? 'no administrator is' : `${count(without, 'administrator')}`
    } without`
    if (without > 0) return warn(saw, 'have them add one: docs/guides/sign-in.md says how')
    return walk.complete ? pass(saw) : unknown(`${saw}, in the first of the tenants`, lookAtRest)
  },
}

const lookAtRest = 'look at the rest with `locket access-review`'

/** One tenant, page after page. Recovery codes alone are no factor: they stand in for one. */
async function cover(store: TenantStore, all: Coverage): Promise<void> {
  let after = ''
  for (;;) {
    const page = await peopleWithPassword(store, { after, limit: limits.page_items_max })
    for (const { id, kinds } of page) {
      after = id
      all.people += 1
      if (kinds.some((kind) => factorKindModules[kind].counts)) all.withFactor += 1
      else if (isAdministrator(await rightsOf(store, id))) all.administratorsWithout += 1
    }
    if (page.length < limits.page_items_max) return
  }
}

async function overAll(scene: Scene, tell: (counts: PeopleCounts) => string): Promise<Finding> {
  const now = scene.clock()
  const all = { users: 0, withPassword: 0, signIns: 0 }
  const { tenants, complete } = await eachTenant(await scene.data(), async (store) => {
    const { idle_ms, life_ms } = await ownSignInPolicy(store)
    const at = { now, seenAfter: now - idle_ms, madeAfter: now - life_ms }
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
