/** Runs every check, one after another, and adds up what they found. */

import { second_ms } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Check } from './check.ts'
import { checks } from './checks.ts'
import { type Finding, type Status, statuses, unknown } from './finding.ts'
import { openScene, reasonOf, type Scene, type SceneOptions } from './scene.ts'

/** What `locket doctor --json` prints. Stable: parts are added, never changed. */
export interface Report {
  readonly version: string
  readonly mode: 'development' | 'production'
  readonly checks: readonly (Finding & { readonly id: string })[]
  readonly summary: Readonly<Record<Status, number>>
}

/** Looks at everything and changes nothing. */
export async function examine(options: SceneOptions & { version: string }): Promise<Report> {
  const scene = openScene(options)
  const found: Report['checks'][number][] = []
  try {
    for (const check of checks) found.push({ id: check.id, ...(await outcomeOf(check, scene)) })
  } finally {
    await withinTime(scene.close(), limits.doctorCheck_timeout_ms)
  }
  const counts = statuses.map((status) => {
    return [status, found.filter((one) => one.status === status).length] as const
  })
  return {
    version: options.version,
    mode: options.settings.config.mode,
    checks: found,
    summary: Object.fromEntries(counts) as Report['summary'],
  }
}

/** A check that cannot look, or not in time, is never one that passes. */
export async function outcomeOf(
  check: Pick<Check, 'look'>,
  scene: Scene,
  timeout_ms: number = limits.doctorCheck_timeout_ms,
): Promise<Finding> {
  try {
    return (await withinTime(Promise.resolve(check.look(scene)), timeout_ms)) ?? tooLate
  } catch (thrown) {
    const { reason, advice } = reasonOf(thrown)
    return unknown(reason, advice)
  }
}

const tooLate = unknown(
  `it took longer than ${limits.doctorCheck_timeout_ms / second_ms} s`,
  'run doctor again while there is less to do',
)

/** Null when it takes too long; what it does then is not waited for. */
async function withinTime<T>(work: Promise<T>, timeout_ms: number): Promise<T | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>()
  const timer = setTimeout(() => resolve(null), timeout_ms)
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
