/** Events to measure a log with: those of one job, and those of people as their recalls and stores leave them. */
import { toBase64Url } from '../../src/core/encoding.ts'
import { type Id, newId } from '../../src/core/ids.ts'
import { appendEvent } from '../../src/features/audit/append.ts'
import { jobEvent, type NewEvent } from '../../src/features/audit/event.ts'
import { insertSpace } from '../../src/features/spaces/store.ts'
import { ownEpoch } from '../../src/features/tenants/store.ts'
import type { PrincipalId } from '../../src/storage/tables.ts'
import { xorshift } from '../texts.ts'
import type { BenchLog } from './bench-log.ts'

export interface Mix {
  readonly name: string
  /** Makes whom the events are about, and tells the event of each place. */
  prepare(log: BenchLog): Promise<(at: number) => NewEvent>
}

const batch_n = 500
const people_perTransaction = 100
/** What a recall answers. */
const items_n = 10

/** Nobody's, all about one thing: they enter as few indexes as events can, and those in order. */
export const oneJob: Mix = {
  name: 'one job',
  prepare: async ({ ctx: { clock } }) => {
    const resourceId = newId('mem', clock)
    return () => jobEvent(clock(), 'memory.recalled', { resourceId })
  },
}

/** Each has a space and keys of his own. Who is next is by chance; of four calls three are recalls. */
export function ofPeople(count: number): Mix {
  return {
    name: `${count} ${count === 1 ? 'person' : 'people'}`,
    prepare: async (log) => {
      const people = await makePeople(log, count)
      await openKeys(log, people)
      const random = xorshift(1)
      const items = Array.from({ length: items_n }, () => newId('mem', log.ctx.clock))
      return (at) => {
        const person = people[Math.floor(random() * people.length)]
        if (!person) throw new Error('there is nobody')
        return at % 4 === 3 ? storeOf(log, person) : recallOf(log, person, items)
      }
    },
  }
}

export async function fill(log: BenchLog, events: number, eventAt: EventAt): Promise<void> {
  const { ctx, tenant } = log
  for (let made = 0; made < events; made += batch_n) {
    await ctx.database.write(
      async (tx) => {
        const store = ctx.open(tx, tenant)
        // So that keys are at hand that a request finds open as well.
        await ownEpoch(store)
        for (let at = made; at < Math.min(events, made + batch_n); at += 1) {
          await appendEvent(store, eventAt(at), ctx.clock)
        }
      },
      { durability: 'full', turn: { tenant } },
    )
  }
}

type EventAt = (at: number) => NewEvent

interface Person {
  readonly id: PrincipalId
  readonly space: Id<'spc'>
  readonly key: Id<'key'>
  readonly grant: Id<'grt'>
}

async function makePeople({ ctx, tenant }: BenchLog, count: number): Promise<readonly Person[]> {
  const people: Person[] = []
  while (people.length < count) {
    const until = Math.min(count, people.length + people_perTransaction)
    const made = await ctx.database.write(
      async (tx) => {
        const store = ctx.open(tx, tenant)
        const rows: Awaited<ReturnType<typeof insertSpace>>[] = []
        for (let at = people.length; at < until; at += 1) {
          rows.push(await insertSpace(store, `user:bench-${at}`, ctx.clock()))
        }
        return rows
      },
      { durability: 'full', turn: { tenant } },
    )
    for (const { owner_id: id, space_id: space } of made) {
      if (id === null) throw new Error('a space has no owner')
      people.push({ id, space, key: newId('key', ctx.clock), grant: newId('grt', ctx.clock) })
    }
  }
  return people
}

/** As the reads have it that let people in. */
async function openKeys({ ctx, tenant }: BenchLog, people: readonly Person[]): Promise<void> {
  await ctx.database.read(async (tx) => {
    const store = ctx.open(tx, tenant)
    await ownEpoch(store)
    for (const { id, space } of people) {
      await store.keys(id)
      await store.keys(space)
    }
  })
}

function recallOf({ ctx }: BenchLog, person: Person, items: readonly Id<'mem'>[]): NewEvent {
  const about = { class: 'read', action: 'memory.recalled', resourceId: person.space } as const
  return { ...callOf(ctx.clock, person), ...about, details: { items } }
}

/** Its memory is in no table: a check of the log takes it for one that was deleted. */
function storeOf({ ctx }: BenchLog, person: Person): NewEvent {
  const id = newId('mem', ctx.clock)
  const about = { class: 'write', action: 'memory.stored', resourceId: id } as const
  const details = { changes: [{ id, version: 1, mac: someMac }] }
  return { ...callOf(ctx.clock, person), ...about, details }
}

const someMac = toBase64Url(new Uint8Array(32))

/** What the pipeline says of every call that was allowed. */
function callOf(
  clock: () => number,
  { id, space, key, grant }: Person,
): Omit<NewEvent, 'class' | 'action' | 'resourceId' | 'details'> {
  return {
    time_ms: clock(),
    outcome: 'allowed',
    code: null,
    actor: { id, kind: 'user', credentialId: key, method: 'api-key' },
    requestId: newId('req', clock),
    door: 'http',
    address: '203.0.113.7',
    userAgent: 'agent/1.0 (bench)',
    decision: grant,
    spaceId: space,
  }
}
