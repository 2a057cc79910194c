/**
 * What operators import: the dashboard and the alert rules of `deploy/`. They speak of metrics that a server has, the
 * rules fire when they are to and are silent when not, and each alert has its page.
 */
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { type AuditSinkSettings, noSinks } from '../src/features/audit-sinks/sinks.ts'
import { serveMetrics } from '../src/http/metrics.ts'
import { openLocket } from './harness.ts'
import { program, promtool, withPromtool } from './promtool.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const root = join(import.meta.dirname, '..')
const rulesFile = 'deploy/prometheus/locket.rules.yml'

function text(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

interface Rules {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[]
}

interface Panel {
  readonly id: number
  readonly title: string
  readonly description?: string
  readonly type: string
  readonly targets?: readonly { readonly expr: string }[]
}

const rules = (parse(text(rulesFile)) as Rules).groups.flatMap((group) => group.rules)
const dashboard = JSON.parse(text('deploy/grafana/locket.json')) as { panels: readonly Panel[] }
const panels = dashboard.panels.filter(({ type }) => type !== 'row')
const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
const expressions = [...rules.map(({ expr }) => expr), ...queries]

/** As a query that Prometheus takes: Grafana fills in what is chosen. */
function filledIn(expr: string): string {
  return expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*')
}

/** Each metric with the labels that its series have, as a server gives them out after a few calls. */
async function seriesOfServer(t: TestContext): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const auditSinks: AuditSinkSettings = {
    ...noSinks,
    file: { path: join(temporaryDirectory(t), 'audit.jsonl'), size_bytes_max: 1e6, kept_max: 1 },
    required: ['file'],
  }
  const { app, instance, call, directory } = await openLocket(t, { auditSinks })
  const { metrics } = app.pipeline.services
  metrics.watchProcess(directory)
  await call('POST', '/v1/memories', { body: { space: 'user:a', text: 'tea' } })
  await call('POST', '/v1/memories', { key: 'lk_nonsense', body: {} })
  metrics.refused({
    operation: 'memories.store',
    outcome: 'denied',
    duration_ms: 1,
    code: 'too_many_requests',
    method: 'none',
    rateClass: 'write',
  })
  metrics.sinkFailed('file', 'full')
  await app.jobs.runAll()
  const answer = await serveMetrics(metrics, instance.log)(new Request('http://127.0.0.1/metrics'))
  const found = new Map<string, Set<string>>()
  for (const line of (await answer.text()).split('\n')) {
    const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? []
    if (name === undefined) continue
    const names = found.get(name) ?? new Set<string>()
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) names.add(label)
    found.set(name, names)
  }
  return found
}

/** What Prometheus adds to all that it scrapes. */
const ofTheScrape = ['job', 'instance']

/** Metrics, and the labels that are asked of each, in a query. */
function* asked(expr: string): Generator<{ name: string; labels: readonly string[] }> {
  for (const [, name = '', braces = ''] of expr.matchAll(
    /\b((?:locket|process|nodejs)_\w+)(?:\{([^}]*)\})?/g,
  )) {
    yield {
      name,
      labels: [...braces.matchAll(/(\w+)\s*(?:=~|!=|!~|=)/g)].map(([, label = '']) => label),
    }
  }
}

describe('the dashboard and the rules', () => {
  test('speak of metrics that a server has, by labels that they have', async (t) => {
    const series = await seriesOfServer(t)
    const used = new Set<string>()
    for (const expr of expressions) {
      for (const { name, labels } of asked(expr)) {
        const has = series.get(name)
        assert.ok(has, `${name}, of ${expr}`)
        used.add(name.replace(/_(?:bucket|sum|count)$/, ''))
        for (const label of labels) {
          assert.ok(has.has(label) || ofTheScrape.includes(label), `${name}{${label}}`)
        }
      }
      const grouped = [...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list = '']) =>
        list.split(/,\s*/),
      )
      const known = new Set([
        ...[...series.values()].flatMap((labels) => [...labels]),
        ...ofTheScrape,
      ])
      for (const label of grouped) assert.ok(known.has(label), `${label}, of ${expr}`)
    }
    const own = [...series.keys()].filter(
      (name) => /^locket_/.test(name) && !/_(?:bucket|sum|count)$/.test(name),
    )
    assert.deepEqual(
      own.filter((name) => !used.has(name)),
      [],
      'metrics that nobody looks at',
    )
    for (const label of ofTheScrape) {
      const clashing = [...series].filter(([, labels]) => labels.has(label)).map(([name]) => name)
      assert.deepEqual(clashing, [], `Prometheus calls something else ${label}`)
    }
  })

  test('the values that are asked for are those that there are', async (t) => {
    const { app } = await openLocket(t)
    const all = await app.pipeline.services.metrics.text()
    for (const value of ['audit-logs.sequence', 'integrity_failed']) {
      assert.ok(
        expressions.some((expr) => expr.includes(`"${value}"`)),
        value,
      )
      // From the start, or the first time that it happens would be no increase.
      assert.match(all, new RegExp(`^locket_\\w+\\{.*"${value}".*\\} 0$`, 'm'))
    }
  })

  test('a panel is told apart, explained, and has something to show', () => {
    const ids = dashboard.panels.map(({ id }) => id)
    assert.equal(new Set(ids).size, ids.length)
    for (const { title, description = '', targets = [] } of panels) {
      assert.ok(title !== '' && description.endsWith('.') && targets.length > 0, title)
    }
    assert.doesNotMatch(text('deploy/grafana/locket.json'), /https?:\/\//, 'it asks nobody else')
  })
})

describe('an alert', () => {
  const guide = text('docs/guides/alerts.md')

  test('has its page, and no page is of an alert that there is not', () => {
    const pages = [...guide.matchAll(/^### (\w+)$/gm)].map(([, name]) => name)
    assert.deepEqual(
      pages,
      rules.map(({ alert }) => alert),
    )
    for (const { alert, annotations, labels } of rules) {
      assert.equal(annotations['runbook'], `docs/guides/alerts.md#${alert.toLowerCase()}`)
      assert.ok(['page', 'ticket'].includes(labels['severity'] ?? ''), alert)
    }
  })

  test('has a test in which it fires and one in which it does not', () => {
    const { tests } = parse(text('test/prometheus/alerts.test.yml')) as {
      tests: readonly {
        alert_rule_test: readonly { alertname: string; exp_alerts: readonly unknown[] }[]
      }[]
    }
    const expected = tests.flatMap(({ alert_rule_test }) => alert_rule_test)
    for (const { alert } of rules) {
      const of = expected.filter(({ alertname }) => alertname === alert)
      assert.ok(
        of.some(({ exp_alerts }) => exp_alerts.length > 0),
        `${alert} fires`,
      )
      assert.ok(
        of.some(({ exp_alerts }) => exp_alerts.length === 0),
        `${alert} does not fire`,
      )
    }
  })
})

describe('Prometheus takes', () => {
  test('is asked wherever everything is tested', {
    skip: !process.env['CI'] && 'CI is not set',
  }, () => {
    assert.ok(program, 'promtool is there')
  })

  test('the sample of its settings, and the rules', withPromtool, () => {
    const checks = [
      ['check', 'config', join(root, 'deploy/prometheus/prometheus.yml')],
      ['check', 'rules', join(root, rulesFile)],
    ]
    for (const args of checks) {
      const { ok, said } = promtool(args)
      assert.ok(ok, said)
    }
  })

  test('each query of the dashboard', withPromtool, (t) => {
    const file = join(temporaryDirectory(t), 'queries.yml')
    const asRules = queries.map((expr, at) => ({ record: `query_${at}`, expr: filledIn(expr) }))
    writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules: asRules }] }))
    const { ok, said } = promtool(['check', 'rules', file])
    assert.ok(ok, said)
    writeFileSync(
      file,
      stringify({ groups: [{ name: 'wrong', rules: [{ record: 'a', expr: 'sum(' }] }] }),
    )
    assert.ok(!promtool(['check', 'rules', file]).ok, 'it can fail')
  })

  test('each alert to fire when it is to, and not otherwise', withPromtool, (t) => {
    const { ok, said } = runTests(t, rules)
    assert.ok(ok, said)
    // An alert that never fires, and one that always does, would both be found.
    for (const expr of ['vector(0) > 1', 'vector(1)']) {
      const changed = rules.map((rule) =>
        rule.alert === 'LocketIntegrity' ? { ...rule, expr } : rule,
      )
      assert.ok(!runTests(t, changed).ok, expr)
    }
  })
})

/** Without annotations, whose words are no test's concern. */
function runTests(t: TestContext, of: readonly Rule[]): ReturnType<typeof promtool> {
  const directory = temporaryDirectory(t)
  const bare = of.map(({ annotations: _, ...rule }) => rule)
  const content = stringify({ groups: [{ name: 'locket', rules: bare }] })
  writeFileSync(join(directory, 'locket.rules.yml'), content)
  const file = join(directory, 'alerts.test.yml')
  copyFileSync(join(root, 'test/prometheus/alerts.test.yml'), file)
  return promtool(['test', 'rules', file])
}
