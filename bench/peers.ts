/**
 * Locket beside memory systems that secure nothing, in one run: the same texts, the same questions, ten
 * answers. Locket is sealed, authorised and audited, in a process of its own behind HTTP; mem0ai and
 * LangGraph are called in process, server-memory over stdio. The peers come from `bench/peers`.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { amount } from './amount.ts'
import type { Measured } from './load.ts'
import { benchLocket, type LocketFigures } from './locket.ts'
import { processorToPin } from './machine.ts'
import { type PeerFigures, type PeerName, type PeerTask, peerNames } from './peers/peer.ts'
import { createResults, type Results, readable, resultsDirectory } from './results.ts'
import { benchDirectory } from './server-process.ts'

const root = join(import.meta.dirname, '..')
const installed = join(import.meta.dirname, 'peers/node_modules/mem0ai')
const install = ['ci', '--prefix', 'bench/peers', '--ignore-scripts']
const program = join(import.meta.dirname, 'peers/program.ts')

const titles: Readonly<Record<PeerName, string>> = {
  mem0: 'mem0ai',
  langgraph: 'LangGraph InMemoryStore',
  'server-memory': 'MCP server-memory',
}

/** What the issue of this comparison asks for, in one run of 10,000 memories. */
const wanted = {
  recall_times: 15,
  recallWithVectors_times: 10,
  store_share: 0.6,
  stores_times: 10,
  recalls_perSecond: 1_500,
} as const

interface Plan {
  readonly names: readonly PeerName[]
  readonly locket: boolean
  readonly memories: number
  readonly processor: number | null
}

/** What was measured, without an embedder or with one. */
interface Side {
  readonly locket: LocketFigures | null
  readonly peers: ReadonlyMap<PeerName, PeerFigures>
}

export async function benchPeers(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      memories: { type: 'string', default: '10000' },
      only: { type: 'string', default: ['locket', ...peerNames].join(',') },
      results: { type: 'string', default: resultsDirectory },
    },
  })
  const only = values.only.split(',')
  const known: readonly string[] = ['locket', ...peerNames]
  const unknown = only.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`--only knows ${known.join(', ')}, not ${unknown}`)
  const names = peerNames.filter((name) => only.includes(name))
  if (names.length > 0) installPeers()
  const plan: Plan = {
    names,
    locket: only.includes('locket'),
    memories: amount(values.memories),
    processor: processorToPin(),
  }
  const results = createResults('peers', values.results)
  const { processor } = plan
  const pinned = processor === null ? 'all processors' : `processor ${processor} alone`
  results.line(`${plan.memories} memories of about 200 characters, ten answers`)
  results.line(`recalls of 32 clients: Locket's server has ${pinned}`)
  const without = await benchSide(results, plan, false)
  const withVectors = await benchSide(results, plan, true)
  results.line()
  judge(results, without, withVectors)
  results.write()
}

/** Installs what `bench/peers/package-lock.json` holds, and nothing that it would run. */
function installPeers(): void {
  if (existsSync(installed)) return
  console.log(`npm ${install.join(' ')}`)
  const { status } = spawnSync('npm', install, { cwd: root, stdio: 'inherit' })
  if (status !== 0) throw new Error('the peers could not be installed')
}

async function benchSide(results: Results, plan: Plan, embedder: boolean): Promise<Side> {
  const { memories, processor } = plan
  results.line(embedder ? '\nwith a stub embedder of 384 dimensions' : '\nwithout an embedder')
  results.line(
    tableRow(['', 'add p50', 'adds/s, 32', 'search p50', 'searches/s', '32 clients', 'answers']),
  )
  let locket: LocketFigures | null = null
  if (plan.locket) {
    locket = await benchLocket({ memories, embedder, processor })
    results.line(locketRow(locket))
  }
  const peers = new Map<PeerName, PeerFigures>()
  for (const name of plan.names) {
    const inability = inabilityOf(name, embedder)
    if (inability) results.line(tableRow([titles[name], inability]))
    else {
      const figures = await benchPeer({ name, memories, embedder })
      peers.set(name, figures)
      results.line(peerRow(name, figures, embedder))
    }
  }
  results.keep(embedder ? 'with' : 'without', { locket, peers: Object.fromEntries(peers) })
  return { locket, peers }
}

/** Why a peer has no row of figures; undefined when it has one. */
function inabilityOf(name: PeerName, embedder: boolean): string | undefined {
  if (name === 'mem0' && !embedder) return 'neither adds nor searches without one'
  if (name === 'server-memory' && embedder) return 'has no vectors: as above'
  return undefined
}

/** Runs one peer in its own process and its own directory, which is its home, too. */
async function benchPeer(task: Omit<PeerTask, 'directory'>): Promise<PeerFigures> {
  const directory = benchDirectory()
  const { path } = directory
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: path,
    MEM0_DIR: path,
    MEM0_TELEMETRY: 'false',
  }
  const told = JSON.stringify({ ...task, directory: path } satisfies PeerTask)
  try {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', program, told],
      {
        cwd: path,
        env,
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      },
    )
    return await figuresOf(child)
  } finally {
    directory.remove()
  }
}

function figuresOf(child: ChildProcess): Promise<PeerFigures> {
  return new Promise((resolve, reject) => {
    let figures: PeerFigures | undefined
    child.once('message', (said) => {
      figures = said as PeerFigures
    })
    child.once('exit', () => {
      if (figures) resolve(figures)
      else reject(new Error('a peer ended without figures'))
    })
  })
}

function locketRow({ add, addMany, search, searchMany, found }: LocketFigures): string {
  const many = Math.round(searchMany.perSecond)
  return tableRow(['Locket', ...cells(add, addMany, search), String(many), found.toFixed(1)])
}

function peerRow(name: PeerName, figures: PeerFigures, embedder: boolean): string {
  const { add, addMany, kept, search, found } = figures
  const notes = [
    ...(kept < 1 ? [`keeps ${Math.round(kept * 100)} % of what is added at once`] : []),
    ...(searches(name, embedder) ? [] : ['lists, whatever the query']),
  ]
  const row = tableRow([titles[name], ...cells(add, addMany, search), '', found.toFixed(1)])
  return notes.length > 0 ? `${row}  ${notes.join('; ')}` : row
}

/** Whether its answers depend on the query. */
function searches(name: PeerName, embedder: boolean): boolean {
  return name !== 'langgraph' || embedder
}

function cells(add: Measured, addMany: Measured, search: Measured): string[] {
  const rates = [addMany.perSecond, search.perSecond].map((rate) => String(Math.round(rate)))
  return [`${readable(add.p50)} ms`, rates[0] ?? '', `${readable(search.p50)} ms`, rates[1] ?? '']
}

function tableRow([name = '', ...rest]: readonly string[]): string {
  return name.padEnd(24) + rest.map((cell) => cell.padStart(13)).join('')
}

/** The fastest peer is the fastest of both tables, whatever it searches by. */
function judge(results: Results, without: Side, withVectors: Side): void {
  const searching = [...without.peers].filter(([name]) => searches(name, false))
  const times_ms = [...searching, ...withVectors.peers].map(([, { search }]) => search.p50)
  const fastest_ms = times_ms.length > 0 ? Math.min(...times_ms) : null
  const mem0 = withVectors.peers.get('mem0') ?? null
  const sides = [
    { side: without, how: 'without vectors', times: wanted.recall_times },
    { side: withVectors, how: 'with vectors', times: wanted.recallWithVectors_times },
  ]
  for (const { side, how, times } of sides) {
    const { locket } = side
    if (!locket) continue
    const { add, addMany, search, searchMany } = locket
    if (fastest_ms !== null) {
      const ratio = fastest_ms / search.p50
      results.atLeast(`recall p50, fastest peer to Locket, ${how}`, ratio, { bound: times })
    }
    if (mem0) {
      const share = add.p50 / mem0.add.p50
      const rate = addMany.perSecond / mem0.addMany.perSecond
      results.atMost(`store p50, Locket to mem0, ${how}`, share, { bound: wanted.store_share })
      results.atLeast(`stores/s, 32 clients, Locket to mem0, ${how}`, rate, {
        bound: wanted.stores_times,
      })
    }
    results.atLeast(`recalls/s, 32 clients, ${how}`, searchMany.perSecond, {
      bound: wanted.recalls_perSecond,
    })
  }
}
