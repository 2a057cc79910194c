import { test } from 'node:test'
import { grow } from '../../test/audit-logs.ts'
import { assertFound, finding } from '../../test/doctor.ts'
import { openLocket } from '../../test/harness.ts'
import { day_ms, systemClock } from '../core/clock.ts'

test('events that should have gone, and legal holds', async (t) => {
  const made = await openLocket(t)
  await made.app.jobs.stop()
  await grow(made, 3)
  const id = 'audit-retention'
  const at = (days: number) => ({ clock: () => systemClock() + days * day_ms })
  assertFound(await finding(made, id), 'pass', /^none is overdue; none is under a legal hold$/)
  assertFound(await finding(made, id, at(92)), 'pass', /^none is overdue/)
  assertFound(await finding(made, id, at(95)), 'warn', /^one is overdue for 5 days; none is/)
  const body = { reason: 'case 7' }
  await made.call('POST', '/v1/legal-hold', { body })
  assertFound(
    await finding(made, id, at(95)),
    'pass',
    /^none is overdue; 1 log under a legal hold$/,
  )
})
