/** How long events are kept: the one table of it. A class that is added to events does not compile without. */
import type { PrincipalId, Tables } from '../storage/tables.ts'

type EventClass = Tables['audit_events']['class']

/** Days, by class, where a tenant says nothing: a quarter for its daily traffic, a year for who may do what. */
export const defaultDays: Readonly<Record<EventClass, number>> = {
  read: 90,
  write: 90,
  admin: 365,
  security: 365,
  system: 365,
}

export const retainedClasses = Object.keys(defaultDays) as readonly EventClass[]

/**
 * How long those who answer to a standard have to keep a log, of any class; months and years at their
 * longest. All that is kept is at hand, so what has to be at hand for a part of the time is.
 */
export const standardDays = {
  /** PCI DSS 4.0.1, 10.5.1: twelve months, of which three are at hand. */
  'pci-dss': 366,
  /** HIPAA, 45 CFR 164.316(b)(2)(i): six years. */
  hipaa: 2192,
  /** Regulation (EU) 2024/1689, articles 19 and 26(6): six months. */
  'eu-ai-act': 184,
} as const

export type Standard = keyof typeof standardDays
export const standards = Object.keys(standardDays) as [Standard, ...Standard[]]

/** Nothing is purged while it is on. */
export interface LegalHold {
  readonly state: 'on' | 'off'
  readonly reason: string
  readonly by: PrincipalId
  readonly since: number
}

export interface RetentionPolicy {
  readonly days: Readonly<Record<EventClass, number>>
  readonly standards: readonly Standard[]
  /** Whether tiles go when all events that they are about have gone. */
  readonly prunes: boolean
  /** The last that was said of it; null: nothing ever was. */
  readonly hold: LegalHold | null
}

export const defaultRetention: RetentionPolicy = {
  days: defaultDays,
  standards: [],
  prunes: false,
  hold: null,
}

/** Days below which none of the standards lets a period be. */
export function floorOf(named: readonly Standard[]): number {
  return Math.max(0, ...named.map((one) => standardDays[one]))
}

/** The classes whose periods are shorter than the standards that the policy names allow. */
export function tooShort({ days, standards: named }: RetentionPolicy): EventClass[] {
  return retainedClasses.filter((one) => days[one] < floorOf(named))
}
