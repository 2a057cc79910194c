/**
 * Every performance figure in the docs comes from a command here: `npm run bench -- NAME …`. Figures
 * are medians of one run on one machine; what counts is how they compare within the run.
 */
import { benchAccounts } from './accounts.ts'
import { benchAudit } from './audit.ts'
import { benchAuth } from './auth.ts'
import { benchCold } from './cold.ts'
import { benchEngines } from './engines.ts'
import { benchHttp } from './http.ts'
import { benchPeers } from './peers.ts'
import { benchRecall } from './recall.ts'
import { benchRetention } from './retention.ts'
import { benchScale } from './scale.ts'
import { benchSpaceIndex } from './space-index.ts'
import { benchTax } from './tax.ts'
import { benchTraces } from './traces.ts'

interface Bench {
  readonly usage: string
  readonly run: (args: readonly string[]) => Promise<void>
}

const benches: Readonly<Record<string, Bench>> = {
  http: {
    usage: 'http [--memories N]     store and recall over HTTP, one client and 32',
    run: benchHttp,
  },
  engines: {
    usage:
      'engines [--memories N]  the same on SQLite, PostgreSQL, and two nodes on one PostgreSQL',
    run: benchEngines,
  },
  cold: {
    usage: 'cold [--memories N]     the first recall after a start, with a snapshot and without',
    run: benchCold,
  },
  peers: {
    usage: 'peers [--memories N] [--only NAME,…]  Locket beside mem0, LangGraph and server-memory',
    run: benchPeers,
  },
  scale: {
    usage:
      'scale [--max N] [--spaces N] [--each N] [--budget MIB]  a space that grows, and many spaces',
    run: benchScale,
  },
  index: {
    usage:
      'index [--memories N] [--alone]  the index of one space by itself: bytes, stalls, searches',
    run: benchSpaceIndex,
  },
  tax: {
    usage: 'tax [--memories N]      what sealing, authorisation and audit each add',
    run: benchTax,
  },
  auth: {
    usage: 'auth [--calls N]         what it costs to know who is calling, by each way in',
    run: benchAuth,
  },
  audit: {
    usage:
      'audit [--events N] [--people N] [--memories N]  leaves a second, checking a log, what a call costs more',
    run: benchAudit,
  },
  traces: {
    usage: 'traces [--memories N]   what traces cost: off, of a share of requests, and of all',
    run: benchTraces,
  },
  retention: {
    usage: 'retention [--events N]  how long requests wait beside a purge, and without',
    run: benchRetention,
  },
  accounts: {
    usage: 'accounts [--tries N] [--memory-kib N]  whether time tells which accounts there are',
    run: benchAccounts,
  },
  recall: {
    usage:
      'recall FILE             recall@5/10/20 over HTTP on a file of conversations and questions',
    run: benchRecall,
  },
}

const [name = '', ...args] = process.argv.slice(2)
const bench = Object.hasOwn(benches, name) ? benches[name] : undefined
if (bench) {
  await bench.run(args)
} else {
  const usages = Object.values(benches).map((one) => `  ${one.usage}`)
  console.error(['usage: npm run bench -- NAME', ...usages].join('\n'))
  process.exitCode = 2
}
