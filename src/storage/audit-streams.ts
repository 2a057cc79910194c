/** By what audit events are found: the conditions of their indexes, in the words of the migration. */
import { type RawBuilder, sql } from 'kysely'

/** Actions, classes and the outcome of which there are so many that no index has them. */
export const common = {
  actions: ['memory.recalled', 'memory.stored', 'memory.read', 'memory.listed', 'memory.updated'],
  classes: ['read', 'write'],
  outcome: 'allowed',
} as const

const list = (words: readonly string[]): RawBuilder<unknown> =>
  sql.raw(words.map((word) => `'${word}'`).join(', '))

/** What events can have in common, as a condition. */
const shared = {
  all: (value: string) => sql<boolean>`cast(${value} as text) is not null`,
  actor: (value: string) => sql<boolean>`actor_id = ${value}`,
  scope: (value: string) => sql<boolean>`scope = ${value}`,
  resource: (value: string) => sql<boolean>`resource_id = ${value}`,
  action: (value: string) => sql<boolean>`action = ${value}`,
  class: (value: string) => sql<boolean>`class = ${value}`,
  outcome: (value: string) => sql<boolean>`outcome = ${value}`,
} as const

export type StreamName = keyof typeof shared

/** What the indexes are limited to (022-audit-questions), and nothing for the log as a whole. */
const limitedTo: Readonly<Record<StreamName, RawBuilder<boolean>>> = {
  all: sql`1 = 1`,
  actor: sql`leaf is not null`,
  scope: sql`scope <> 'tenant' and leaf is not null`,
  resource: sql`resource_id <> scope and leaf is not null`,
  action: rareAction(),
  class: sql`class not in (${list(common.classes)}) and leaf is not null`,
  outcome: sql`outcome <> ${list([common.outcome])} and leaf is not null`,
}

/** What the index of actions is limited to. */
export function rareAction(): RawBuilder<boolean> {
  return sql`action not in (${list(common.actions)}) and leaf is not null`
}

/**
 * Events that an index has, each in the order of ids: those that have their place in the log. The planner
 * takes it only when the statement repeats what it is limited to.
 */
export function placed(name: StreamName, value: string): RawBuilder<boolean> {
  return sql`${shared[name](value)} and ${limitedTo[name]}`
}

/** The few that wait for their place, which have an index of their own. */
export function waiting(name: StreamName, value: string): RawBuilder<boolean> {
  return sql`${shared[name](value)} and leaf is null`
}

export const streamNames = Object.keys(shared) as readonly StreamName[]

/** That an action begins so; null when the text is. */
export function beginsWith(prefix: string | null): RawBuilder<boolean> {
  return sql`substr(action, 1, length(cast(${prefix} as text))) = cast(${prefix} as text)`
}
