/** Prometheus's own checker of rules, of Debian's package `prometheus`; nothing is started by it. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Where it is: as it was said, or as the package has it. */
export const program = [process.env['LOCKET_TEST_PROMTOOL'] ?? '', '/usr/bin/promtool'].find(
  (file) => existsSync(file),
)

/** One line says so without it. */
export const withPromtool = {
  skip: program === undefined && 'promtool is not installed (Debian: prometheus)',
} as const

/** What it says, and whether it found nothing wrong. */
export function promtool(args: readonly string[]): { ok: boolean; said: string } {
  const { status, stdout, stderr } = spawnSync(program ?? '', args, {
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { ok: status === 0, said: `${stdout}\n${stderr}` }
}
