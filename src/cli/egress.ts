/** `egress check`: what the gate for outgoing calls would do with a URL, before something needs it. */
import { createLog } from '../core/log.ts'
import { createEgress, type Egress } from '../egress/egress.ts'
import { asEgressError } from '../egress/egress-error.ts'
import type { Seen, Verdict } from '../egress/verdict.ts'
import { type ExitCode, exitCodes, type LocalCall } from './command.ts'
import { columns } from './layout.ts'
import { print, printJson } from './output.ts'

/** A connection that was made, or why it was not. */
type Connected = Seen | { readonly reason: string; readonly detail: string | null }

/** Fails when the URL would be refused, or when the connection that was asked for fails. */
export async function egressCheckCommand(call: LocalCall): Promise<ExitCode> {
  const { config, flags, positionals, json } = call
  const [url = ''] = positionals
  const egress = createEgress({ allow: config.egressAllow, log: createLog(config.logLevel) })
  try {
    const verdict = await egress.check(url)
    const wanted = verdict.allowed && flags['connect'] !== undefined
    const connected = wanted ? await connect(egress, url) : null
    if (json) printJson({ ...verdict, connection: connected })
    else print(columns([...verdictRows(verdict), ...connectionRows(connected)]))
    const failed = !verdict.allowed || (connected !== null && 'reason' in connected)
    return failed ? exitCodes.failed : exitCodes.done
  } finally {
    await egress.close()
  }
}

async function connect(egress: Egress, url: string): Promise<Connected> {
  try {
    return await egress.probe(url)
  } catch (thrown) {
    const { reason, detail } = asEgressError(thrown, 'failed')
    return { reason, detail }
  }
}

/** The path and the query of a URL can carry a secret; they matter to nothing here. */
function verdictRows({ allowed, message, ...said }: Verdict): string[][] {
  const place = said.host === null ? '-' : `${bracketed(said.host)}:${said.port}`
  const entries = said.entries.map((entry) => ['entry', entry])
  const addresses = said.addresses.map((one) => {
    const kind = one.range ?? 'public'
    return ['address', `${one.address} (${one.allowed ? kind : `${kind}, refused`})`]
  })
  const head = allowed ? ['allowed', place] : ['refused', `${place}: ${message}`]
  return [head, ...entries, ...addresses]
}

function connectionRows(connected: Connected | null): string[][] {
  if (!connected) return []
  if ('reason' in connected) {
    const detail = connected.detail === null ? '' : ` (${connected.detail})`
    return [['connection', `${connected.reason}${detail}`]]
  }
  const { address, tls, subject, issuer, expires } = connected
  if (tls === null) return [['connected', `${address}, without TLS`]]
  return [
    ['connected', `${address}, ${tls}`],
    ['certificate', `${subject ?? '-'}, issued by ${issuer ?? '-'}, until ${expires ?? '-'}`],
  ]
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
