/** What doctor says of witnesses, from what is stored of them. */
import { test } from 'node:test'
import { assertFound, finding } from '../../test/doctor.ts'
import { openLocket } from '../../test/harness.ts'
import { systemClock } from '../core/clock.ts'
import { instanceTenant } from '../core/ids.ts'
import { findLog } from '../features/audit-logs/store.ts'
import { type CosignatureRow, putCosignature } from '../features/cosignatures/store.ts'
import { readWitness, witnessId } from '../features/cosignatures/witness.ts'
import { tenantStore } from '../storage/tenant-store.ts'

const vkey = 'a.example/witness+abe11aec+BGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh'
const setting = `${vkey} https://a.example/v1/witness`

test('a log that is behind, not known or refused is told', async (t) => {
  const made = await openLocket(t)
  await made.call('GET', '/v1/whoami')
  await made.app.jobs.runAll()
  const key = readWitness(setting)?.key
  const flags = { witnesses: setting, 'egress-allow': 'a.example' }
  const look = (about: object = { flags }) => finding(made, 'witnesses', about)
  const put = async (log: string, row: Partial<CosignatureRow>): Promise<void> => {
    const { database, keys } = made.instance
    await database.write(async (tx) => {
      const store = tenantStore(tx, keys, log as 'ten_')
      const size = (await findLog(store))?.size ?? 0
      const known = {
        state: 'cosigned',
        size,
        cosigned: null,
        cosigned_at: 1,
        tried_at: 1,
      } as const
      await putCosignature({ tx, store }, { ...known, witness: key ? witnessId(key) : '', ...row })
    }, 'full')
  }
  assertFound(await look({}), 'pass', /^none is named/)
  for (const log of [made.tenant, instanceTenant]) await put(log, {})
  assertFound(await look(), 'pass', /^1 witness, 2 logs cosigned$/)
  await put(made.tenant, { size: 0 })
  assertFound(await look(), 'pass', /2 logs cosigned$/)
  const later = { flags, clock: () => systemClock() + 20 * 60_000 }
  assertFound(await look(later), 'warn', /1 log cosigned, 1 behind, 0 not known, 0 refused$/)
  await put(made.tenant, { state: 'unlisted' })
  assertFound(await look(), 'warn', /0 behind, 1 not known, 0 refused$/)
  await put(instanceTenant, { state: 'refused' })
  assertFound(await look(), 'fail', /1 not known, 1 refused$/)
  await put(made.tenant, { state: 'forked' })
  assertFound(await look(), 'fail', /0 not known, 2 refused$/)
})
