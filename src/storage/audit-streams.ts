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

/**
 * Places of the log that are one stretch of it: the first so many, the next, and so on. What is indexed by person and
 * by space has the stretch before them, so that what is written at one time lies together. Only events whose ids
 * are above all that were placed before them are in a stretch, so that what is in a later one has a higher id. What is
 * stored is by this number: it cannot be changed.
 */
export const stretch_leaves = 512

/** Of an event that is in none: it waits, or its id is below that of one that was placed before. */
export const noStretch = -1

/** The stretch of a place, where what has it comes after all that was placed before. */
export function stretchOf(leaf: RawBuilder<number>, isLater: RawBuilder<boolean>) {
  const [leaves, none] = [sql.lit(stretch_leaves), sql.lit(noStretch)]
  return sql<number>`case when ${isLater} then (${leaf}) / ${leaves} else ${none} end`
}

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

/** Those whose indexes are by stretches (026-audit-stretches). */
export const stretched = ['actor', 'scope'] as const satisfies readonly StreamName[]

export type StretchedName = (typeof stretched)[number]

export function isStretched(name: StreamName): name is StretchedName {
  return (stretched as readonly StreamName[]).includes(name)
}

/** What the indexes are limited to (022-audit-questions, 026-audit-stretches), and nothing for the log as a whole. */
const limitedTo: Readonly<Record<StreamName, RawBuilder<boolean>>> = {
  all: sql`1 = 1`,
  actor: sql`actor_id is not null and leaf is not null`,
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

export interface Shared {
  readonly value: string
  /** Of those that are by stretches: which one. */
  readonly stretch: number | RawBuilder<number>
}

/**
 * Events that an index has, each in the order of ids: those that have their place in the log. The planner
 * takes it only when the statement repeats what it is limited to.
 */
export function placed(name: StreamName, { value, stretch }: Shared): RawBuilder<boolean> {
  const inPlace = sql<boolean>`${shared[name](value)} and ${limitedTo[name]}`
  return isStretched(name) ? sql`stretch = ${stretch} and ${inPlace}` : inPlace
}

/** The few that wait for their place, which have an index of their own. */
export function waiting(name: StreamName, { value }: Shared): RawBuilder<boolean> {
  return sql`${shared[name](value)} and leaf is null`
}

/** All that an index has of what is in a stretch. */
export function inStretches(name: StretchedName): RawBuilder<boolean> {
  return sql`stretch > ${sql.lit(noStretch)} and ${limitedTo[name]}`
}

export const streamNames = Object.keys(shared) as readonly StreamName[]

/** That an action begins so; null when the text is. */
export function beginsWith(prefix: string | null): RawBuilder<boolean> {
  return sql`substr(action, 1, length(cast(${prefix} as text))) = cast(${prefix} as text)`
}
