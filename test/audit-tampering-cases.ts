/** What can be done to a log by whoever can write to the database, and what a check tells of it. */

export interface Case {
  readonly name: string
  /** Where there is a value, it is the tenant. */
  readonly sql: readonly string[]
  /** What brings back more than the rows. */
  readonly undo?: readonly string[]
  /** How lines begin that are told; `#20` is the event that had place 20. */
  readonly told: readonly string[]
}

const changed = 'leaf 20 (#20): what the event says is not what it was committed to, or damaged'
const replaced = 'leaf 20 (#20): event-replaced'
const altered = 'leaf 20 (#20): event-altered'

const ofEvent = 'where tenant_id = ? and leaf = 20'
/** Of one that stands after the last full tile. */
const ofLate = 'where tenant_id = ? and leaf = 260'
const ofTile = 'where tenant_id = ? and tile = 0 and level'

/** Another's value in the place of the own. */
const from = (column: string) =>
  `update audit_events set ${column} = (select other.${column} from audit_events other
    where other.tenant_id = audit_events.tenant_id and other.leaf = 21) ${ofEvent}`

const move = (leaf: string, to: string) =>
  `update audit_events set leaf = ${to} where tenant_id = ? and leaf = ${leaf}`

const planted = 'evt_01ARZ3NDEKTSV4RRFFQ69G5FAV'

/** An event that nobody made, as like another as may be. */
const plant = (leaf: string) =>
  `insert into audit_events (tenant_id, event_id, time, class, action, outcome, actor_id, resource_id,
      scope, commitment, origin, body, proof, leaf)
    select tenant_id, '${planted}', time, class, action, outcome, actor_id, resource_id,
      scope, commitment, origin, body, proof, ${leaf} from audit_events ${ofEvent}`

const changes: readonly Case[] = [
  {
    name: 'changed: what was done',
    sql: [`update audit_events set action = 'memory.read' ${ofEvent}`],
    told: [changed, altered],
  },
  {
    name: 'changed: how it ended',
    sql: [`update audit_events set outcome = 'denied' ${ofEvent}`],
    told: [changed, altered],
  },
  {
    name: 'changed: by whom',
    sql: [`update audit_events set actor_id = null ${ofEvent}`],
    told: [changed, altered],
  },
  {
    name: 'changed: to what',
    sql: [`update audit_events set resource_id = 'mem_00000000000000000000000000' ${ofEvent}`],
    told: [changed, altered],
  },
  {
    name: 'changed: when',
    sql: [`update audit_events set time = time + 1 ${ofEvent}`],
    told: [replaced, altered],
  },
  {
    name: 'changed: its class',
    sql: [`update audit_events set class = 'system' ${ofEvent}`],
    told: [replaced, altered],
  },
  { name: 'changed: its commitment', sql: [from('commitment')], told: [replaced, altered] },
  { name: 'changed: what is sealed of it', sql: [from('body')], told: [changed] },
  { name: 'changed: from where it was', sql: [from('origin')], told: [changed] },
  {
    name: 'changed: whose key sealed it',
    sql: [`update audit_events set scope = 'spc_00000000000000000000000000' ${ofEvent}`],
    told: [altered, 'leaf 20 (#20): content-altered'],
  },
  { name: 'changed: its proof', sql: [from('proof')], told: [altered] },
  {
    name: 'changed: its proof, to none',
    sql: [`update audit_events set proof = null ${ofEvent}`],
    told: [altered],
  },
  {
    name: 'changed: its proof, to what is none',
    sql: [`update audit_events set proof = commitment ${ofEvent}`],
    told: [altered],
  },
  {
    name: 'removed: what is sealed of it',
    sql: [`update audit_events set body = null ${ofEvent}`],
    told: ['leaf 20 (#20): content-missing'],
  },
  {
    name: 'removed: from where it was',
    sql: [`update audit_events set origin = null ${ofEvent}`],
    told: ['leaf 20 (#20): content-missing'],
  },
  {
    name: 'changed: when, of one after the last full tile',
    sql: [`update audit_events set time = time + 1 ${ofLate}`],
    told: ['leaf 256: tail-differs', 'leaf 260 (#260): event-altered'],
  },
  {
    name: 'changed: when, of one after the last full tile, and its proof is taken away',
    sql: [`update audit_events set time = time + 1, proof = null ${ofLate}`],
    told: ['leaf 256: tail-differs', 'leaf 260 (#260): event-altered'],
  },
]

const places: readonly Case[] = [
  {
    name: 'deleted',
    sql: [`delete from audit_events ${ofEvent}`],
    told: ['leaf 20 (#20): event-missing'],
  },
  {
    name: 'deleted: one after the last full tile',
    sql: [`delete from audit_events ${ofLate}`],
    told: ['leaf 260: event-missing'],
  },
  {
    name: 'deleted: all of a bundle',
    sql: ['delete from audit_events where tenant_id = ? and leaf < 256'],
    told: ['leaf 0 (#0): event-missing', 'leaf 20 (#20): event-missing'],
  },
  {
    name: 'inserted: without a place',
    sql: [plant('null')],
    told: [`log (${planted}): event-altered`],
  },
  {
    name: 'inserted: at a place beyond the end',
    sql: [plant('9999')],
    told: [`leaf 9999 (${planted}): event-outside`],
  },
  {
    name: 'inserted: at the place of another',
    sql: ['drop index audit_events_by_leaf', plant('20')],
    undo: [
      `delete from audit_events where tenant_id = ? and event_id = '${planted}'`,
      'create unique index audit_events_by_leaf on audit_events (tenant_id, leaf) where leaf >= 0',
    ],
    told: [`leaf 20 (${planted}): event-replaced`, 'leaf 20 (#20): event-repeated'],
  },
  {
    name: 'changed: where it is looked for',
    sql: [`update audit_events set stretch = stretch + 1 ${ofEvent}`],
    told: ['leaf 20 (#20): event-misfiled'],
  },
  {
    name: 'inserted: one between others',
    sql: [
      'update audit_events set leaf = -leaf - 2 where tenant_id = ? and leaf >= 20',
      'update audit_events set leaf = -leaf - 1 where tenant_id = ? and leaf < -1',
      plant('20').replace('leaf = 20', 'leaf = 21'),
    ],
    told: [
      `leaf 20 (${planted}): event-replaced`,
      'leaf 21 (#20): event-replaced',
      'leaf 21 (#20): the event is another than that of the entry',
    ],
  },
  {
    name: 'taken out, as if it had been refused',
    sql: [move('20', '-1')],
    told: ['leaf 20 (#20): event-moved', 'log (#20): event-refused'],
  },
  {
    name: 'taken out, below any place',
    sql: [move('20', '-7')],
    told: ['leaf 20 (#20): event-moved', 'log (#20): event-refused'],
  },
  {
    name: 'taken out, to be given a place anew',
    sql: [move('20', 'null')],
    told: ['leaf 20 (#20): event-moved'],
  },
  {
    name: 'reordered',
    sql: [move('20', '-9'), move('21', '20'), move('-9', '21')],
    told: ['leaf 20 (#21): event-replaced', 'leaf 21 (#20): event-replaced'],
  },
  {
    name: 'reordered, after the last full tile',
    sql: [move('260', '-9'), move('261', '260'), move('-9', '261')],
    told: ['leaf 260 (#261): event-replaced', 'leaf 261 (#260): event-replaced'],
  },
  {
    name: 'reordered, across the last full tile',
    sql: [move('20', '-9'), move('260', '20'), move('-9', '260')],
    told: ['leaf 20 (#260): event-replaced', 'leaf 256: tail-differs'],
  },
  {
    name: 'truncated: the last events',
    sql: ['delete from audit_events where tenant_id = ? and leaf >= 258'],
    told: ['leaf 258: event-missing', 'leaf 269: event-missing'],
  },
]

const tiles: readonly Case[] = [
  {
    name: 'a tile of entries, cut',
    sql: [`update audit_tiles set data = substr(data, 1, 1000) ${ofTile} = -1`],
    told: ['leaf 0: tile/entries/000 is not whole', 'leaf 0: entries-damaged'],
  },
  {
    name: 'a tile of entries, removed',
    sql: [`delete from audit_tiles ${ofTile} = -1`],
    told: ['leaf 0: tile/entries/000 is not there', 'leaf 0: entries-damaged'],
  },
  {
    name: 'a tile of hashes, of another content',
    sql: [
      `update audit_tiles set data = (select other.data from audit_tiles other where
        other.tenant_id = audit_tiles.tenant_id and other.level = -1 and other.tile = 0) ${ofTile} = 0`,
    ],
    told: ['leaf 0 (#0): the entry is not the one whose hash is in tile/0/000'],
  },
  {
    name: 'a tile of hashes, removed',
    sql: [`delete from audit_tiles ${ofTile} = 0`],
    told: ['leaf 0: tile/0/000 is not there'],
  },
  {
    name: 'a tile above, of another content',
    sql: [
      `update audit_tiles set data = (select substr(other.data, 1, 32) from audit_tiles other where
        other.tenant_id = audit_tiles.tenant_id and other.level = 0 and other.tile = 0) ${ofTile} = 1`,
    ],
    told: ['leaf 0: tile/1/000.p/1 has another hash for the entries up to 255'],
  },
  {
    name: 'a tile above, removed',
    sql: [`delete from audit_tiles ${ofTile} = 1`],
    told: ['leaf 0: tile/1/000.p/1 is not there'],
  },
]

export const cases: readonly Case[] = [...changes, ...places, ...tiles]
