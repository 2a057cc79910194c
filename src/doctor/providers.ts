/** Identity providers: who there are, and whether those whose word counts can be asked for their keys. */
import { limits } from '../core/limits.ts'
import { createEgress } from '../egress/egress.ts'
import { fetchPublished } from '../features/identity-providers/discovery.ts'
import { openDetails, type ProviderId } from '../features/identity-providers/identity-provider.ts'
import { type Problem, problemOf } from '../features/identity-providers/problems.ts'
import { listProviderRows } from '../features/identity-providers/store.ts'
import type { Check } from './check.ts'
import { count, type Finding, pass, unknown, warn } from './finding.ts'
import type { Scene } from './scene.ts'
import { eachTenant } from './tenants.ts'

interface Provider {
  readonly id: ProviderId
  readonly issuer: string
}

export const identityProviders: Check = {
  id: 'identity-providers',
  about: 'The identity providers that tenants have registered, and whether they answer with keys.',
  warns: 'One whose word counts gives no keys: nobody is let in by its tokens after an hour.',
  fails: null,
  unknown: 'The data cannot be opened, or there were too many to ask all of them.',
  look: async (scene) => {
    const active: Provider[] = []
    let disabled = 0
    const { complete } = await eachTenant(await scene.data(), async (store) => {
      for (const row of await listProviderRows(store)) {
        if (row.state === 'disabled') disabled += 1
        else active.push({ id: row.provider_id, issuer: (await openDetails(store, row)).issuer })
      }
    })
    const saw = `${count(active.length, 'provider')} in force, ${disabled} disabled`
    if (active.length === 0) return complete ? pass(saw) : tooMany(saw)
    const asked = active.slice(0, limits.doctorProviders_max)
    const answers = await ask(scene, asked)
    const silent = answers.filter(({ problem }) => problem !== null)
    if (silent.length > 0) {
      const shown = silent.slice(0, shown_max).map(({ id, problem }) => `${id} (${problem})`)
      return warn(
        `${saw}; no keys from ${silent.length}, such as ${shown.join(', ')}`,
        'not_allowed: put its host into egress-allow; else look at the provider, or disable it',
      )
    }
    const all = `${saw}; ${asked.length === active.length ? 'all' : `the first ${asked.length}`} answer`
    return complete && asked.length === active.length ? pass(all) : tooMany(all)
  },
}

const shown_max = 3

function tooMany(saw: string): Finding {
  return unknown(`${saw}, for more there was no time`, '`locket identity-providers list` in each')
}

/** All at once, as the server asks them: through the gate, within the deadline for keys. */
async function ask({ config, log }: Scene, providers: readonly Provider[]) {
  const egress = createEgress({ allow: config.egressAllow, log })
  try {
    return await Promise.all(
      providers.map(async ({ id, issuer }) => ({ id, problem: await problemWith(issuer, egress) })),
    )
  } finally {
    await egress.close()
  }
}

async function problemWith(
  issuer: string,
  { fetch }: ReturnType<typeof createEgress>,
): Promise<Problem | null> {
  try {
    await fetchPublished(issuer, fetch)
    return null
  } catch (thrown) {
    return problemOf(thrown)
  }
}
