import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ErrorCode } from '../core/errors.ts'
import { errorTable } from '../core/errors.ts'
import type { Asked, Measure } from './gauges.ts'
import {
  authenticationCodes,
  createMetrics,
  type Lists,
  methods,
  type RefusedCall,
  seriesBound,
} from './metrics.ts'

const lists: Lists = {
  operations: ['memories.store', 'memories.recall'],
  jobs: ['memories.sweep'],
  rateClasses: ['read', 'failure'],
  sinks: ['file'],
  sinkFaults: ['full'],
}

const depth = { waiting: 3, max: 10 }
const asked: Asked = {
  audit: { waiting: 7, oldest_ms: 2_500 },
  mails: 4,
  refusedLogs: 2,
}

function measuring(more: Partial<Measure> = {}): Measure {
  return {
    now: () => ({
      index: { bytes: 5, bytes_max: 50, spaces: 2, documents: 9, warm: 6, cold: 1 },
      witnesses_lag_ms: 1_500,
      queues: { write: depth, read: depth, password: depth, embedding: depth },
      sinks: [{ sink: 'file', waiting: 3, max: 10, oldest_ms: 2_000, required: true }],
    }),
    ask: async () => asked,
    failed: () => assert.fail('it could be measured'),
    ...more,
  }
}

function seriesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

/** Each label with each other. */
function everyRefusal(codes: readonly ErrorCode[]): RefusedCall[] {
  const duration_ms = 1
  const byOperation = [...lists.operations, 'x'].flatMap((operation) =>
    (['denied', 'failed'] as const).map((outcome) => ({ operation, outcome, duration_ms })),
  )
  const byCode = codes.flatMap((code) => methods.map((method) => ({ code, method })))
  const byClass = [...lists.rateClasses, 'x']
  return byOperation.flatMap((one) =>
    byCode.flatMap((two) => byClass.map((rateClass) => ({ ...one, ...two, rateClass }))),
  )
}

describe('what is counted', () => {
  test('calls by how they ended, and what was refused by its code', async () => {
    const metrics = createMetrics(lists, measuring())
    metrics.done('memories.store', 3)
    metrics.done('memories.store', 30)
    const refused = { operation: 'memories.store', outcome: 'denied', duration_ms: 1 } as const
    metrics.refused({ ...refused, code: 'unauthenticated', method: 'api-key', rateClass: 'read' })
    metrics.refused({ ...refused, code: 'too_many_requests', method: 'none', rateClass: 'failure' })
    metrics.answered(404, 'not_found')
    metrics.answered(200, null)
    metrics.jobRan('memories.sweep', { ok: false, duration_ms: 20 })
    metrics.eventsRefused(2)
    const text = await metrics.text()
    for (const line of [
      'locket_operations_total{operation="memories.store",outcome="allowed"} 2',
      'locket_operations_total{operation="memories.store",outcome="denied"} 2',
      'locket_operation_duration_seconds_bucket{le="0.005",operation="memories.store"} 3',
      'locket_operation_duration_seconds_count{operation="memories.store"} 4',
      'locket_authentication_failures_total{method="api-key",code="unauthenticated"} 1',
      'locket_limit_violations_total{class="failure",code="too_many_requests"} 1',
      'locket_errors_total{code="not_found"} 1',
      'locket_http_responses_total{class="2xx"} 1',
      'locket_job_runs_total{name="memories.sweep",outcome="failed"} 1',
      'locket_audit_events_refused_total 2',
    ]) {
      assert.ok(text.includes(`${line}\n`), `${line} in\n${text}`)
    }
    assert.ok(!text.includes('locket_authentication_failures_total{method="none"'), text)
  })

  test('what is on no list is only `other`, so that nobody can make series', async () => {
    const metrics = createMetrics(lists, measuring())
    for (let at = 0; at < 1_000; at += 1) {
      metrics.done(`canary-${at}`, 1)
      metrics.jobRan(`canary-${at}`, { ok: true, duration_ms: 1 })
      metrics.refused({
        operation: `canary-${at}`,
        outcome: 'denied',
        duration_ms: 1,
        code: 'too_many_requests',
        method: 'none',
        rateClass: `canary-${at}`,
      })
    }
    const text = await metrics.text()
    assert.ok(!text.includes('canary'))
    assert.match(text, /locket_operations_total\{operation="other",outcome="allowed"\} 1000\n/)
  })

  test('the number of series has the bound that is told, and everything at once reaches it', async () => {
    const metrics = createMetrics(lists, measuring())
    const codes = Object.keys(errorTable) as ErrorCode[]
    for (const operation of [...lists.operations, 'x']) metrics.done(operation, 1)
    for (const call of everyRefusal(codes)) metrics.refused(call)
    for (const code of codes) metrics.answered(500, code)
    for (const job of [...lists.jobs, 'x']) {
      metrics.jobRan(job, { ok: true, duration_ms: 1 })
      metrics.jobRan(job, { ok: false, duration_ms: 1 })
    }
    const count = seriesOf(await metrics.text()).length
    const bound = seriesBound(lists)
    assert.ok(count <= bound && count > bound - 40, `${count} of ${bound}`)
    assert.equal(authenticationCodes.size, 8)
  })
})

describe('what is measured', () => {
  test('sizes, queues and the lag of the audit, in seconds', async () => {
    const metrics = createMetrics(lists, measuring())
    assert.match(await metrics.text(), /^locket_audit_logs_broken NaN$/im, 'nobody has looked yet')
    metrics.checkpointSigned(1_500)
    metrics.logsBroken(1)
    const text = await metrics.text()
    for (const line of [
      'locket_index_documents 9',
      'locket_index_uses_total{found="warm"} 6',
      'locket_queue_depth{queue="password"} 3',
      'locket_queue_depth_max{queue="write"} 10',
      'locket_mails_waiting 4',
      'locket_audit_events_waiting 7',
      'locket_audit_oldest_waiting_seconds 2.5',
      'locket_audit_checkpoint_timestamp_seconds 1.5',
      'locket_audit_logs_broken 1',
    ]) {
      assert.ok(text.includes(`${line}\n`), `${line} in\n${text}`)
    }
  })

  test('what cannot be asked is NaN, is told, and the rest is there all the same', async () => {
    const failures: string[] = []
    let broken = false
    const ask = async (): Promise<Asked> => {
      if (broken) throw new Error('no database')
      return asked
    }
    const failed = (what: string) => void failures.push(what)
    const metrics = createMetrics(lists, measuring({ ask, failed }))
    await metrics.text()
    broken = true
    const text = await metrics.text()
    assert.match(text, /^locket_audit_events_waiting NaN$/im)
    assert.match(text, /^locket_mails_waiting NaN$/im)
    assert.match(text, /^locket_index_documents 9$/m)
    assert.match(text, /^locket_measure_failures_total\{what="database"\} 1$/m)
    assert.deepEqual(failures, ['database'])
  })

  test('is measured once, however many ask at the same time', async () => {
    let asks = 0
    const ask = async (): Promise<Asked> => {
      asks += 1
      return asked
    }
    const metrics = createMetrics(lists, measuring({ ask }))
    await Promise.all(Array.from({ length: 20 }, () => metrics.text()))
    assert.equal(asks, 1)
    await metrics.text()
    assert.equal(asks, 2)
  })

  test('the process and the disk of the data, when that is asked for', async () => {
    const metrics = createMetrics(lists, measuring())
    assert.doesNotMatch(await metrics.text(), /process_cpu|locket_disk/)
    metrics.watchProcess(import.meta.dirname)
    const text = await metrics.text()
    assert.match(text, /^process_cpu_seconds_total [\d.e+-]+$/m)
    assert.match(text, /^locket_disk_free_bytes [1-9]\d*$/m)
  })

  test('a disk that cannot be looked at is NaN', async () => {
    const failures: string[] = []
    const failed = (what: string) => void failures.push(what)
    const metrics = createMetrics(lists, measuring({ failed }))
    metrics.watchProcess('/nowhere/at/all')
    assert.match(await metrics.text(), /^locket_disk_free_bytes Nan$/im)
    assert.deepEqual(failures, ['disk'])
  })
})
