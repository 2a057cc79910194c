/** What a check is: it looks at one thing, and says what it saw and what to do. */
import type { Finding } from './finding.ts'
import type { Scene } from './scene.ts'

/** One check. docs/reference/doctor.md is made from these. */
export interface Check {
  /** Stable: scripts name it. */
  readonly id: string
  /** What it looks at. */
  readonly about: string
  /** When it warns, fails and cannot tell; null: it never does. */
  readonly warns: string | null
  readonly fails: string | null
  readonly unknown: string | null
  look(scene: Scene): Finding | Promise<Finding>
}
