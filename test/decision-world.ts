/** Somebody with some grants, an operation and a place: for tests of what is decided about them. */
import fc from 'fast-check'
import type { Operation } from '../src/kernel/operation.ts'
import { kindsOf, permissionsOf } from '../src/kernel/operation.ts'
import { operations } from '../src/operations.ts'
import type { Locket, Reply } from './harness.ts'
import { type Input, type Maker, makerOf } from './sample.ts'
import { sampleOf } from './samples.ts'
import type { SmtpServer } from './smtp-server.ts'

export type Body = Reply['body']

/** Where a question is asked about: two spaces that are there, one's own, and one that is not. */
export const places = ['team:x', 'user:other', 'own', 'team:none'] as const
type Place = (typeof places)[number]

export interface Given {
  readonly role: string
  readonly space: 'team:x' | 'user:other' | 'own' | null
}

/** An operation at a place. */
export interface Aim {
  readonly operation: Operation
  readonly place: Place
}

/** By its input alone an operation may need one of several permissions; of these the input is known. */
const severalButKnown = /^(?:principals\.|audit-events\.list$)/
export const asked = operations.filter(
  (one) =>
    one.permission !== 'public' &&
    (permissionsOf(one).length === 1 || severalButKnown.test(one.id)),
)

const custom: Readonly<Record<string, object>> = {
  keeper: { permissions: ['space:manage', 'memory:read', 'role:manage'] },
  mine: { permissions: ['memory:write', 'memory:export', 'audit:read'], reach: 'own' },
  handler: { permissions: ['agent:manage', 'memory:delete'] },
}

export class World {
  readonly locket: Locket
  readonly roles = new Map<string, string>()
  readonly maker: Maker

  constructor(locket: Locket, smtp: SmtpServer) {
    let words = 0
    this.locket = locket
    this.maker = makerOf(locket, { smtp, word: () => `w${++words}` })
  }

  async post(path: string, body: object): Promise<Body> {
    return (await this.maker.admin('POST', path, body)).body
  }

  async prepare(): Promise<void> {
    for (const [name, role] of Object.entries(custom)) {
      this.roles.set(name, (await this.post('/v1/roles', { name, ...role })).id)
    }
    for (const space of ['team:x', 'user:other']) {
      await this.post('/v1/memories', { space, text: 'here' })
    }
  }

  /** What he is granted, and a space of his own if he is granted anything there; and what that is called. */
  async grant(who: { id: string; handle: string }, grants: readonly Given[]): Promise<string> {
    const own = who.handle.startsWith('service:') ? 'team:x' : who.handle
    if (grants.some(({ space }) => space === 'own')) {
      await this.post('/v1/memories', { space: own, text: 'his' })
    }
    for (const { role, space } of grants) {
      const spaceId = space && (await this.spaceId(space === 'own' ? own : space))
      const body = { principalId: who.id, role: this.roles.get(role) ?? role }
      const path = '/v1/grants'
      await this.locket.call('POST', path, { body: { ...body, ...(spaceId && { spaceId }) } })
    }
    return own
  }

  async spaceId(handle: string): Promise<string> {
    const body = { operation: 'memories.list', resource: handle }
    return (await this.post('/v1/authorize', body)).spaceId
  }
}

export interface Somebody {
  readonly id: string
  /** What his own space is called; of a service another one. */
  readonly own: string
}

interface Aimed {
  readonly input: Input
  readonly resource: string | undefined
}

/** An input for the operation at the place, and how a question names what it acts on. */
export async function aim(world: World, one: Aim, who: Somebody): Promise<Aimed> {
  const { operation, place } = one
  const handle = place === 'own' ? who.own : place
  const sample = await sampleOf(operation).make(world.maker)
  const [kind] = kindsOf(operation)
  if (kind === 'spaces') return { input: { ...sample, space: handle }, resource: handle }
  if (kind === 'memory') {
    const space = place === 'team:none' ? 'team:x' : handle
    const { id } = await world.post('/v1/memories', { space, text: world.maker.word() })
    return { input: { ...sample, id }, resource: id }
  }
  if (kind === 'space') {
    const id = (await world.spaceId(handle)) ?? sample['id']
    return { input: { ...sample, id }, resource: String(id) }
  }
  if (operation.id === 'principals.create')
    return { input: sample, resource: who.id.replace(/^.{3}/, 'usr') }
  if (operation.id === 'principals.list')
    return { input: sample, resource: who.id.replace(/^.{3}/, 'agt') }
  const named = operation.id.startsWith('principals.') ? sample['id'] : undefined
  return { input: sample, resource: typeof named === 'string' ? named : undefined }
}

export const given: fc.Arbitrary<Given> = fc.record({
  role: fc.constantFrom(
    ...['admin', 'admin', 'developer', 'operator', 'user', 'service', 'viewer', 'system'],
    ...Object.keys(custom),
  ),
  space: fc.option(fc.constantFrom('team:x' as const, 'user:other' as const, 'own' as const)),
})

/** How the gate decided the newest call of this operation by this principal. */
export async function decided(
  world: World,
  { id }: Pick<Somebody, 'id'>,
  { audit }: Operation,
): Promise<Body> {
  const path = `/v1/audit-events?actor=${id}&action=${audit}&limit=1`
  return (await world.maker.admin('GET', path)).body.items[0]
}
