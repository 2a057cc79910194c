/** Several tenants and what each should see, beside the real thing; test/properties.test.ts drives it. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Locket, Reply } from './harness.ts'

export interface Step {
  readonly tenant: number
  readonly act: 'store' | 'upsert' | 'update' | 'delete' | 'recall' | 'list' | 'get' | 'drop'
  /** Which of the memories that any tenant ever made. */
  readonly at: number
  /** Which of its spaces; every tenant has spaces of the same names. */
  readonly space: number
}

export const step: fc.Arbitrary<Step> = fc.record({
  tenant: fc.nat(2),
  act: fc.constantFrom(
    ...(['store', 'store', 'upsert', 'update', 'delete', 'recall', 'list', 'get'] as const),
    'drop',
  ),
  at: fc.nat(30),
  space: fc.nat(1),
})

/** Whose memory, in which space, with which text. */
interface Entry {
  readonly id: string
  readonly tenant: number
  readonly space: string
  text: string
  alive: boolean
}

interface Sent {
  readonly method: string
  readonly path: string
  readonly body?: object
}

const methods = { update: 'PATCH', delete: 'DELETE', get: 'GET' } as const

export class TenantModel {
  readonly #entries: Entry[] = []
  readonly #retired = new Set<string>()
  readonly #world: { locket: Locket; keys: readonly string[]; name: string }
  #count = 0

  constructor(world: { locket: Locket; keys: readonly string[]; name: string }) {
    this.#world = world
  }

  /** Does one step for real and in the model, and compares. */
  async take(one: Step): Promise<void> {
    const space = `team:${this.#world.name}-${one.space}`
    if (one.act === 'store' || one.act === 'upsert') return this.#store(one, space)
    if (one.act === 'recall' || one.act === 'list') return this.#see(one, space)
    if (one.act === 'drop') return this.#drop(one, space)
    const entry = this.#entries[one.at % Math.max(1, this.#entries.length)]
    return entry && this.#touch(one.tenant, one.act, entry)
  }

  #send(tenant: number, { method, path, body }: Sent): Promise<Reply> {
    const { locket, keys } = this.#world
    return locket.call(method, path, { key: keys[tenant] ?? '', ...(body && { body }) })
  }

  #mine(tenant: number, space: string): readonly Entry[] {
    return this.#entries.filter((one) => one.alive && one.tenant === tenant && one.space === space)
  }

  #words(tenant: number): string {
    this.#count += 1
    return `shared words of tenant${tenant} number${this.#count}`
  }

  async #store({ tenant, act }: Step, space: string): Promise<void> {
    const text = this.#words(tenant)
    const body = { space, text, ...(act === 'upsert' && { key: 'same' }) }
    const reply = await this.#send(tenant, { method: 'POST', path: '/v1/memories', body })
    if (this.#retired.has(`${tenant} ${space}`)) return assert.equal(reply.status, 409)
    assert.equal(reply.status, 201)
    const known = this.#entries.find((one) => one.id === reply.body.id)
    assert.equal(known?.tenant ?? tenant, tenant)
    if (known) known.text = text
    else this.#entries.push({ id: reply.body.id, tenant, space, text, alive: true })
  }

  async #see({ tenant, act }: Step, space: string): Promise<void> {
    const body = { space, limit: 100, ...(act === 'recall' && { query: 'shared words' }) }
    const reply = await this.#send(tenant, { method: 'POST', path: `/v1/memories/${act}`, body })
    if (this.#retired.has(`${tenant} ${space}`)) return assert.equal(reply.status, 409)
    const texts = reply.body.items.map((one: { text: string }) => one.text).sort()
    assert.deepEqual(
      texts,
      this.#mine(tenant, space)
        .map((one) => one.text)
        .sort(),
    )
  }

  /** One memory by its id, whosever it is. */
  async #touch(tenant: number, act: keyof typeof methods, entry: Entry): Promise<void> {
    const text = this.#words(tenant)
    const sent = { method: methods[act], path: `/v1/memories/${entry.id}` }
    const reply = await this.#send(tenant, { ...sent, ...(act === 'update' && { body: { text } }) })
    const there = entry.alive && entry.tenant === tenant
    assert.equal(
      reply.status,
      there ? 200 : 404,
      `${act} by ${tenant} of what is ${entry.tenant}'s`,
    )
    if (!there) return
    if (act === 'update') entry.text = text
    if (act === 'delete') entry.alive = false
    else assert.equal(reply.body.text, entry.text)
  }

  /** Rarely, a whole space; its name is another space in every other tenant. */
  async #drop({ tenant, at }: Step, space: string): Promise<void> {
    if (at % 4 !== 0) return
    const listed = await this.#send(tenant, { method: 'GET', path: '/v1/spaces?limit=100' })
    const found = listed.body.items.find((one: { handle: string }) => one.handle === space)
    if (!found) return
    assert.equal(found.memories, this.#mine(tenant, space).length)
    const path = `/v1/spaces/${found.id}`
    assert.equal((await this.#send(tenant, { method: 'DELETE', path })).status, 200)
    this.#retired.add(`${tenant} ${space}`)
    for (const entry of this.#mine(tenant, space)) entry.alive = false
  }
}
