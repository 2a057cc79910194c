/** A valid input for every operation, on things made for it alone; test/operations.test.ts uses them. */

import { systemClock } from '../src/core/clock.ts'
import { type IdPrefix, newId } from '../src/core/ids.ts'
import type { Operation } from '../src/kernel/operation.ts'
import { fillPath, paramsOf } from '../src/kernel/path.ts'
import { auditSamples } from './audit-samples.ts'
import { eventSamples } from './event-samples.ts'
import { peopleSamples } from './people-samples.ts'
import type { Input, Maker, Sample } from './sample.ts'
import { witnessSamples } from './witness-samples.ts'

interface Told {
  readonly id: string
  readonly space: string
  readonly sessionId: string
}

async function memory(maker: Maker): Promise<Told> {
  const space = `user:${maker.word()}`
  const sessionId = maker.word()
  const body = { space, text: `likes ${maker.word()}`, sessionId, tags: [maker.word()] }
  const stored = await maker.admin('POST', '/v1/memories', body)
  return { id: stored.body.id, space, sessionId }
}

async function space(maker: Maker): Promise<{ id: string; handle: string }> {
  const handle = `user:${maker.word()}`
  return (await maker.admin('POST', '/v1/spaces', { handle })).body
}

async function principal(maker: Maker): Promise<string> {
  const body = { handle: `agent:${maker.word()}`, name: maker.word() }
  return (await maker.admin('POST', '/v1/principals', body)).body.id
}

async function role(maker: Maker): Promise<string> {
  const body = { name: maker.word(), description: maker.word(), permissions: ['memory:read'] }
  return (await maker.admin('POST', '/v1/roles', body)).body.id
}

async function grant(maker: Maker): Promise<{ id: string; principalId: string }> {
  const body = { principalId: await principal(maker), role: 'viewer' }
  return (await maker.admin('POST', '/v1/grants', body)).body
}

async function apiKey(maker: Maker): Promise<{ id: string; principalId: string }> {
  const body = { principalId: await principal(maker), name: maker.word() }
  return (await maker.admin('POST', '/v1/api-keys', body)).body
}

async function provider(maker: Maker): Promise<string> {
  // The host is told in the log, where it must not be called: the words stand elsewhere.
  const body = {
    name: `p${maker.word().slice(-20)}`,
    issuer: `https://idp.example/${maker.word()}`,
    rules: [{ claim: [maker.word()], value: maker.word(), role: 'viewer' }],
  }
  const { id } = (await maker.admin('POST', '/v1/identity-providers', body)).body
  return id
}

async function identity(maker: Maker): Promise<{ id: string; principalId: string }> {
  const body = {
    providerId: await provider(maker),
    subject: maker.word(),
    principalId: await principal(maker),
  }
  return (await maker.admin('POST', '/v1/external-identities', body)).body
}

/** One that nobody in a test calls from, and that was not blocked before. */
function network(maker: Maker): string {
  return `2001:db8:${Number(maker.word().replace(/\D+/, '')).toString(16)}::/48`
}

const empty: Sample = { names: 'nothing', make: async () => ({}) }

export const samples: Readonly<Record<string, Sample>> = {
  'memories.store': {
    names: 'handle',
    make: async (maker) => ({
      space: (await space(maker)).handle,
      key: maker.word(),
      text: `takes ${maker.word()} with ${maker.word()}`,
      tags: [maker.word()],
      metadata: { [maker.word()]: maker.word() },
      sessionId: maker.word(),
      agentId: maker.word(),
    }),
  },
  'memories.store-batch': {
    names: 'handle',
    make: async (maker) => ({
      space: (await space(maker)).handle,
      items: [{ text: maker.word() }, { text: maker.word(), key: maker.word() }],
    }),
  },
  'memories.recall': {
    names: 'handle',
    make: async (maker) => ({ space: (await memory(maker)).space, query: maker.word() }),
  },
  'memories.list': {
    names: 'handle',
    make: async (maker) => ({
      space: (await memory(maker)).space,
      filter: { tags: { contains: maker.word() } },
    }),
  },
  'memories.export': {
    names: 'handle',
    make: async (maker) => ({
      space: (await memory(maker)).space,
      filter: { tags: { contains: maker.word() } },
    }),
  },
  'memories.get': { names: 'id', make: async (maker) => ({ id: (await memory(maker)).id }) },
  'memories.update': {
    names: 'id',
    make: async (maker) => ({ id: (await memory(maker)).id, text: maker.word(), version: 1 }),
  },
  'memories.delete': { names: 'id', make: async (maker) => ({ id: (await memory(maker)).id }) },
  'memories.delete-matching': {
    names: 'handle',
    make: async (maker) => {
      const told = await memory(maker)
      return { space: told.space, sessionId: told.sessionId }
    },
  },
  'memories.compact': {
    names: 'handle',
    make: async (maker) => {
      const told = await memory(maker)
      const { space, sessionId } = told
      return { space, strategy: 'age', olderThanDays: 0, sessionId, dryRun: false }
    },
  },
  'memories.restore': {
    names: 'id',
    make: async (maker) => {
      const { id, space, sessionId } = await memory(maker)
      const body = { space, sessionId, strategy: 'age', olderThanDays: 0, dryRun: false }
      await maker.admin('POST', '/v1/memories/compact', body)
      return { id }
    },
  },
  'memories.history': { names: 'id', make: async (maker) => ({ id: (await memory(maker)).id }) },

  'spaces.create': {
    names: 'nothing',
    make: async (maker) => ({ handle: `team:${maker.word()}` }),
  },
  'spaces.list': empty,
  'spaces.delete': { names: 'id', make: async (maker) => ({ id: (await space(maker)).id }) },
  'spaces.sessions': { names: 'id', make: async (maker) => ({ id: (await space(maker)).id }) },

  'principals.create': {
    names: 'nothing',
    make: async (maker) => ({ handle: `user:${maker.word()}`, name: maker.word() }),
  },
  'principals.list': { names: 'nothing', make: async () => ({ kind: 'agent' }) },
  'principals.get': { names: 'id', make: async (maker) => ({ id: await principal(maker) }) },
  'principals.update': {
    names: 'id',
    make: async (maker) => ({ id: await principal(maker), name: maker.word() }),
  },
  'principals.delete': { names: 'id', make: async (maker) => ({ id: await principal(maker) }) },
  'principals.whoami': empty,

  ...peopleSamples,
  ...auditSamples,

  'tokens.create': empty,
  'tokens.exchange': {
    names: 'nothing',
    make: async (maker) => {
      const handle = `user:${maker.word()}`
      return { user: (await maker.admin('POST', '/v1/principals', { handle })).body.id }
    },
    caller: async (maker, { user }) => {
      const agent = { handle: `agent:${maker.word()}`, allowedUsers: [user] }
      const { id: principalId } = (await maker.admin('POST', '/v1/principals', agent)).body
      return (await maker.admin('POST', '/v1/api-keys', { principalId })).body.key
    },
  },
  'tokens.list': empty,
  'tokens.revoke': {
    names: 'nothing',
    make: async ({ admin }) => {
      return { refreshToken: (await admin('POST', '/v1/tokens', {})).body.refreshToken }
    },
  },
  'tokens.refresh': {
    names: 'nothing',
    make: async ({ admin }) => {
      return { refreshToken: (await admin('POST', '/v1/tokens', {})).body.refreshToken }
    },
  },

  'roles.list': empty,
  'roles.create': {
    names: 'nothing',
    make: async (maker) => ({
      name: maker.word(),
      description: maker.word(),
      permissions: ['memory:read'],
      reach: 'own',
    }),
  },
  'roles.update': {
    names: 'id',
    make: async (maker) => ({ id: await role(maker), description: maker.word() }),
  },
  'roles.delete': { names: 'id', make: async (maker) => ({ id: await role(maker) }) },
  'grants.create': {
    names: 'id',
    make: async (maker) => ({
      principalId: await principal(maker),
      role: 'viewer',
      spaceId: (await space(maker)).id,
    }),
  },
  'grants.list': {
    names: 'filter',
    make: async (maker) => ({ principalId: (await grant(maker)).principalId }),
  },
  'grants.delete': { names: 'id', make: async (maker) => ({ id: (await grant(maker)).id }) },

  'decisions.explain': {
    names: 'nothing',
    make: async (maker) => ({
      operation: 'memories.get',
      resource: (await memory(maker)).id,
    }),
  },

  'access-reviews.list': {
    names: 'nothing',
    make: async (maker) => {
      await apiKey(maker)
      return { kind: 'agent', only: 'all' }
    },
  },

  'api-keys.create': {
    names: 'id',
    make: async (maker) => ({
      principalId: await principal(maker),
      name: maker.word(),
      environment: maker.word(),
      scopes: ['memory:read'],
      addresses: ['203.0.113.0/24'],
      operationsPerDay: 1_000,
      bytesPerDay: 1_000_000,
      embedCharactersPerDay: 100_000,
    }),
  },
  'api-keys.list': {
    names: 'filter',
    make: async (maker) => ({ principalId: (await apiKey(maker)).principalId }),
  },
  'api-keys.rotate': {
    names: 'id',
    make: async (maker) => ({ id: (await apiKey(maker)).id, overlapSeconds: 60 }),
  },
  'api-keys.revoke': { names: 'id', make: async (maker) => ({ id: (await apiKey(maker)).id }) },

  'identity-providers.create': {
    names: 'nothing',
    make: async (maker) => ({
      name: `p${maker.word().slice(-20)}`,
      issuer: `https://idp.example/${maker.word()}`,
      rules: [{ claim: [maker.word()], value: maker.word(), role: 'viewer' }],
    }),
  },
  'identity-providers.list': empty,
  'identity-providers.update': {
    names: 'id',
    make: async (maker) => ({ id: await provider(maker), createUsers: true }),
  },
  'identity-providers.delete': {
    names: 'id',
    make: async (maker) => ({ id: await provider(maker) }),
  },
  'external-identities.create': {
    names: 'id',
    make: async (maker) => ({
      providerId: await provider(maker),
      subject: maker.word(),
      principalId: await principal(maker),
    }),
  },
  'external-identities.list': {
    names: 'filter',
    make: async (maker) => ({ principalId: (await identity(maker)).principalId }),
  },
  'external-identities.delete': {
    names: 'id',
    make: async (maker) => ({ id: (await identity(maker)).id }),
  },

  'encryption-keys.list': empty,
  'encryption-keys.rotate': {
    names: 'id',
    make: async (maker) => ({ scope: (await space(maker)).id }),
  },

  'signing-keys.rotate': { names: 'nothing', make: async () => ({ revoke: true }) },

  'tenants.create': {
    names: 'nothing',
    make: async (maker) => ({ name: maker.word(), slug: maker.word() }),
  },
  'tenants.list': empty,
  'tenants.update': {
    names: 'id',
    make: async (maker) => {
      const made = await maker.admin('POST', '/v1/tenants', { name: maker.word() })
      return { id: made.body.id, name: maker.word() }
    },
  },

  'blocked-addresses.create': {
    names: 'nothing',
    make: async (maker) => ({ network: network(maker), reason: maker.word() }),
  },
  'blocked-addresses.list': empty,
  'audit-sinks.list': empty,
  'blocked-addresses.delete': {
    names: 'id',
    make: async (maker) => {
      const body = { network: network(maker), reason: maker.word() }
      return { id: (await maker.admin('POST', '/v1/blocked-addresses', body)).body.id }
    },
  },

  ...eventSamples,
  ...witnessSamples,
}

/** The sample of an operation; an operation without one has no tests. */
export function sampleOf({ id }: Operation): Sample {
  const sample = samples[id]
  if (!sample) throw new Error(`add a sample for ${id} to test/samples.ts`)
  return sample
}

export interface HttpCall {
  readonly method: string
  readonly path: string
  readonly body?: Input
}

/** An input as HTTP carries it: names of the path in the path, the rest in the query or the body. */
export function toHttp(operation: Operation, input: Input): HttpCall {
  const { method } = operation
  const inPath = paramsOf(operation.path)
  const path = fillPath(operation.path, (name) => String(input[name]))
  const rest = Object.fromEntries(Object.entries(input).filter(([name]) => !inPath.includes(name)))
  if (method === 'POST' || method === 'PATCH') return { method, path, body: rest }
  const words = Object.entries(rest).map(([name, value]): [string, string] => [
    name,
    inQuery(value),
  ])
  const query = new URLSearchParams(words).toString()
  return { method, path: query === '' ? path : `${path}?${query}` }
}

function inQuery(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The same input with ids of things that never were. */
export function neverThere(input: Input): Input {
  const swap = (value: unknown): unknown => {
    const prefix = typeof value === 'string' && /^([a-z]{3})_[0-9A-Z]{26}$/.exec(value)?.[1]
    return prefix ? newId(prefix as IdPrefix, systemClock) : value
  }
  return Object.fromEntries(Object.entries(input).map(([name, value]) => [name, swap(value)]))
}
