/**
 * By what audit events are asked for, each in the order of ids. An event enters these when it gets its
 * place in the log, with many others and with no request waiting for it; until then the few that wait are looked
 * through, and its insert asks each index for its place first and for no more. What nearly all have in common is in
 * no index: it is found soon without one. Frozen once released.
 */
import { translated } from './postgres.ts'

const on = 'ON audit_events (tenant_id,'

const indexes = [
  `CREATE INDEX audit_events_by_actor ${on} actor_id, event_id)
    WHERE leaf IS NOT NULL AND actor_id IS NOT NULL`,
  `CREATE INDEX audit_events_by_scope ${on} scope, event_id)
    WHERE leaf IS NOT NULL AND scope <> 'tenant'`,
  `CREATE INDEX audit_events_by_resource ${on} resource_id, event_id)
    WHERE leaf IS NOT NULL AND resource_id <> scope`,
  `CREATE INDEX audit_events_by_action ${on} action, event_id)
    WHERE leaf IS NOT NULL AND action NOT IN
      ('memory.recalled', 'memory.stored', 'memory.read', 'memory.listed', 'memory.updated')`,
  `CREATE INDEX audit_events_by_class ${on} class, event_id)
    WHERE leaf IS NOT NULL AND class NOT IN ('read', 'write')`,
  `CREATE INDEX audit_events_by_outcome ${on} outcome, event_id)
    WHERE leaf IS NOT NULL AND outcome <> 'allowed'`,
] as const

export const auditQuestions = {
  name: '022-audit-questions',
  sqlite: indexes,
  postgres: indexes.map(translated),
}
