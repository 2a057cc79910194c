/**
 * By what audit events are asked for, each in the order of ids. An event enters these when it gets its
 * place in the log, with many others and with no request waiting for it; until then the few that wait are looked
 * through. What nearly all have in common is in no index: it is found soon without one. Frozen once released.
 */
import { translated } from './postgres.ts'

const on = 'ON audit_events (tenant_id,'

const indexes = [
  `CREATE INDEX audit_events_by_actor ${on} actor_id, event_id)
    WHERE actor_id IS NOT NULL AND leaf IS NOT NULL`,
  `CREATE INDEX audit_events_by_scope ${on} scope, event_id)
    WHERE scope <> 'tenant' AND leaf IS NOT NULL`,
  `CREATE INDEX audit_events_by_resource ${on} resource_id, event_id)
    WHERE resource_id <> scope AND leaf IS NOT NULL`,
  `CREATE INDEX audit_events_by_action ${on} action, event_id)
    WHERE action NOT IN
      ('memory.recalled', 'memory.stored', 'memory.read', 'memory.listed', 'memory.updated')
    AND leaf IS NOT NULL`,
  `CREATE INDEX audit_events_by_class ${on} class, event_id)
    WHERE class NOT IN ('read', 'write') AND leaf IS NOT NULL`,
  `CREATE INDEX audit_events_by_outcome ${on} outcome, event_id)
    WHERE outcome <> 'allowed' AND leaf IS NOT NULL`,
] as const

export const auditQuestions = {
  name: '022-audit-questions',
  sqlite: indexes,
  postgres: indexes.map(translated),
}
