/** Witnesses: whether those that the settings name have cosigned the audit logs. */
import { instanceTenant } from '../core/ids.ts'
import { limits } from '../core/limits.ts'
import { eventsFrom, findLog } from '../features/audit-logs/store.ts'
import { findCosignature } from '../features/cosignatures/store.ts'
import { witnessId } from '../features/cosignatures/witness.ts'
import type { TenantStore } from '../storage/tenant-store.ts'
import type { Check } from './check.ts'
import { count, fail, pass, unknown, warn } from './finding.ts'
import { eachTenant, inTenant } from './tenants.ts'

/** Of one witness and one log. */
type Standing = 'cosigned' | 'behind' | 'unlisted' | 'refused'

export const witnesses: Check = {
  id: 'witnesses',
  about: 'Whether the witnesses that the settings name have cosigned the audit logs.',
  warns: 'One does not know a log, or is a quarter of an hour behind.',
  fails: 'One refuses a log: it was put back to an older copy, or forked.',
  unknown: 'The data cannot be opened, or there were too many logs to look at all of them.',
  look: async (scene) => {
    const { config, clock } = scene
    if (config.witnesses.length === 0) return pass('none is named: nobody cosigns the logs')
    const data = await scene.data()
    const found: Standing[] = []
    const visit = async (store: TenantStore): Promise<void> => {
      for (const { key } of config.witnesses) {
        found.push(await standingOf(store, witnessId(key), clock()))
      }
    }
    await inTenant(data, instanceTenant, visit)
    const { complete } = await eachTenant(data, visit)
    const number = (of: Standing): number => found.filter((one) => one === of).length
    const saw = `${count(config.witnesses.length, 'witness')}, ${count(number('cosigned'), 'log')} cosigned`
    const rest = `${number('behind')} behind, ${number('unlisted')} not known, ${number('refused')} refused`
    if (number('refused') > 0) {
      return fail(
        `${saw}, ${rest}`,
        '`locket audit list --log instance --action audit-log.refused`',
      )
    }
    if (number('behind') + number('unlisted') > 0) {
      return warn(
        `${saw}, ${rest}`,
        'look at the log of the server, and have the logs listed there',
      )
    }
    return complete ? pass(saw) : unknown(saw, 'ask for `/v1/audit-log` of the others')
  },
}

async function standingOf(store: TenantStore, witness: string, now: number): Promise<Standing> {
  const size = (await findLog(store))?.size ?? 0
  const row = await findCosignature(store, witness)
  if (row?.state === 'forked') return 'refused'
  if (row && row.state !== 'cosigned') return row.state
  const upTo = row?.size ?? 0
  const [next] = upTo < size ? await eventsFrom(store, { from: upTo, until: upTo + 1 }) : []
  return next && now - next.time > limits.cosignLag_ms_max ? 'behind' : 'cosigned'
}
