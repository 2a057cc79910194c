/**
 * `npm run audit`: asks the registry for known vulnerabilities of what is locked. Exits 1 only for
 * findings; where nobody could tell, it says `unknown` in one line and exits 0, so that a registry
 * without this service stops no build, and no build says that it passed what was never looked up.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lockfile } from '../supply-chain.ts'
import { describeAudit, readAudit } from './report.ts'

const timeout_ms = 120_000
const output_bytes_max = 64 * 1024 * 1024

const [folder = join(import.meta.dirname, '..', '..')] = process.argv.slice(2)
const lockfile = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as Lockfile
// Said outright, for somebody's settings may say otherwise: offline, npm asks nobody and finds nothing.
const asked = ['--audit=true', '--offline=false', '--include=dev', '--include=optional']
const bounded = ['--fetch-retries=1', '--fetch-timeout=30000']
const args = ['audit', '--json', '--package-lock-only', ...asked, ...bounded]
const { stdout } = spawnSync('npm', args, {
  cwd: folder,
  encoding: 'utf8',
  timeout: timeout_ms,
  maxBuffer: output_bytes_max,
  stdio: ['ignore', 'pipe', 'ignore'],
})
const audit = readAudit(stdout ?? '', lockfile.packages)
process.stdout.write(`${describeAudit(audit).join('\n')}\n`)
process.exitCode = audit.kind === 'found' ? 1 : 0
