/** What `npm audit --json` says, in a few lines: findings, none, or that nobody could tell. */

export type Audit =
  | { readonly kind: 'unknown'; readonly why: string }
  | { readonly kind: 'none'; readonly packages: number }
  | { readonly kind: 'found'; readonly findings: readonly Finding[] }

export interface Finding {
  readonly severity: string
  /** With the versions that are locked: `undici@7.0.0`. */
  readonly package: string
  readonly title: string
  readonly advisory: string
  readonly fix: string
}

interface Advisory {
  readonly title?: string
  readonly url?: string
  readonly severity?: string
}

interface Vulnerability {
  readonly name?: string
  /** Advisories, and the names of vulnerable packages that this one depends on. */
  readonly via?: readonly (Advisory | string)[]
  readonly nodes?: readonly string[]
  readonly fixAvailable?: boolean | { readonly name?: string; readonly version?: string }
}

interface Report {
  readonly auditReportVersion?: number
  readonly vulnerabilities?: Readonly<Record<string, Vulnerability>>
  readonly metadata?: { readonly dependencies?: { readonly total?: number } }
  readonly message?: string
  readonly error?: { readonly code?: string; readonly summary?: string }
}

/** Versions by the path in the lockfile. */
type Locked = Readonly<Record<string, { readonly version?: string }>>

/** Only a whole report of the kind that we know says anything; all else is unknown. */
export function readAudit(output: string, locked: Locked): Audit {
  const report = parseReport(output)
  if (!report) return { kind: 'unknown', why: 'npm gave no report' }
  const { auditReportVersion, vulnerabilities, metadata } = report
  if (auditReportVersion !== 2 || !vulnerabilities) {
    return { kind: 'unknown', why: reasonOf(report) }
  }
  const affected = Object.values(vulnerabilities)
  if (affected.length === 0) {
    return { kind: 'none', packages: metadata?.dependencies?.total ?? 0 }
  }
  const findings = affected.flatMap((one) => findingsOf(one, locked))
  // A report that names nothing but packages that depend on others is one that we misread.
  if (findings.length > 0) return { kind: 'found', findings: findings.sort(bySeverity) }
  return { kind: 'unknown', why: 'npm reports packages without an advisory' }
}

/** For a person: one line, or one for each finding. */
export function describeAudit(audit: Audit): readonly string[] {
  if (audit.kind === 'unknown') {
    return [`unknown: the registry could not be asked for vulnerabilities (${audit.why})`]
  }
  if (audit.kind === 'none') {
    return [`no known vulnerabilities in ${audit.packages} locked packages`]
  }
  return audit.findings.map(
    ({ severity, package: name, title, advisory, fix }) =>
      `${severity}  ${name}  ${title}  ${advisory}  fix: ${fix}`,
  )
}

function parseReport(output: string): Report | null {
  try {
    const value: unknown = JSON.parse(output)
    return typeof value === 'object' && value !== null ? value : null
  } catch {
    return null
  }
}

/** One line, without what a registry may have put into its answer beyond its first sentence. */
function reasonOf({ message, error }: Report): string {
  const said = [error?.summary, message, error?.code].find((one) => typeof one === 'string' && one)
  return (said ?? 'npm gave no reason').replace(/\s+/g, ' ').slice(0, 200)
}

/** Those that an advisory names; what merely depends on them is mended with them. */
function findingsOf(vulnerability: Vulnerability, locked: Locked): readonly Finding[] {
  const { name = '(unnamed)', nodes = [], via = [] } = vulnerability
  const versions = [...new Set(nodes.flatMap((path) => locked[path]?.version ?? []))]
  return via
    .filter((one) => typeof one !== 'string')
    .map(({ severity = 'unrated', title = 'no title', url = 'no address' }) => ({
      severity,
      package: versions.length === 0 ? name : `${name}@${versions.join(', ')}`,
      title,
      advisory: url,
      fix: fixOf(name, vulnerability.fixAvailable),
    }))
}

function fixOf(name: string, available: Vulnerability['fixAvailable']): string {
  if (!available) return 'none yet'
  if (available === true) return `npm update ${name}`
  return `${available.name}@${available.version}`
}

const severities = ['critical', 'high', 'moderate', 'low', 'info']

function bySeverity(a: Finding, b: Finding): number {
  return rankOf(a) - rankOf(b)
}

/** What has no known rank comes first: nobody said that it is harmless. */
function rankOf({ severity }: Finding): number {
  return severities.indexOf(severity)
}
