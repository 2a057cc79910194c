/** What `locket doctor` finds, for tests: in this process, on a Locket of theirs. */
import assert from 'node:assert/strict'
import { readServerSettings, type ServerSettings } from '../src/config/config.ts'
import { type Clock, systemClock } from '../src/core/clock.ts'
import { createLog } from '../src/core/log.ts'
import { examine, type Report } from '../src/doctor/examine.ts'
import type { Finding, Status } from '../src/doctor/finding.ts'
import type { TestData } from './test-data.ts'

/** Where a Locket of a test is. */
export interface Place {
  readonly directory: string
  readonly data?: TestData
}

export interface Examination {
  readonly flags?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly clock?: Clock
}

/** The settings of a server on it. */
export function settingsOf({ directory, data }: Place, about: Examination = {}): ServerSettings {
  const url = data?.config?.url
  const flags = { 'data-dir': directory, ...(url && { 'database-url': url }), ...about.flags }
  return readServerSettings(flags, about.env ?? {})
}

export async function examined(place: Place, about: Examination = {}): Promise<Report> {
  const settings = settingsOf(place, about)
  const { clock = systemClock } = about
  return examine({ settings, version: 'test', log: createLog('silent'), clock })
}

/** What one check found. */
export async function finding(
  place: Place,
  id: string,
  about: Examination = {},
): Promise<Finding & { readonly id: string }> {
  return findingIn(await examined(place, about), id)
}

export function findingIn({ checks }: Report, id: string): Finding & { readonly id: string } {
  const found = checks.find((one) => one.id === id)
  assert.ok(found, `there is a check ${id}`)
  return found
}

/** Holds that a check found something, in words like these. */
export function assertFound(found: Finding, status: Status, saw: RegExp): void {
  assert.equal(found.status, status, found.saw)
  assert.match(found.saw, saw)
  assert.equal(found.advice === null, status === 'pass', 'there is advice unless it passes')
}
