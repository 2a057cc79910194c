/**
 * What one person did, and what was done in one space, by stretches of the log: what enters these indexes at
 * one time lies together in them, however many people it is about. An event that is in no stretch, as all of before, stands
 * before the first. Frozen once released.
 */
import { translated } from './postgres.ts'

const on = 'ON audit_events (tenant_id, stretch,'

const indexes = [
  `CREATE INDEX audit_events_by_actor ${on} actor_id, event_id)
    WHERE leaf IS NOT NULL AND actor_id IS NOT NULL`,
  `CREATE INDEX audit_events_by_scope ${on} scope, event_id)
    WHERE leaf IS NOT NULL AND scope <> 'tenant'`,
] as const

const column = 'ALTER TABLE audit_events ADD COLUMN stretch INTEGER NOT NULL DEFAULT -1'

export const auditStretches = {
  name: '026-audit-stretches',
  sqlite: [
    column,
    'DROP INDEX audit_events_by_actor',
    'DROP INDEX audit_events_by_scope',
    ...indexes,
  ],
  postgres: [
    translated(column),
    'DROP INDEX locket.audit_events_by_actor',
    'DROP INDEX locket.audit_events_by_scope',
    ...indexes.map(translated),
    // Who gives an event its place says where it is looked for.
    'GRANT SELECT (stretch), UPDATE (stretch) ON locket.audit_events TO locket_system',
  ],
}
