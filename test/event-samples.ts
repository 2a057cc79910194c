/** Samples of the operations on audit events and their logs: test/samples.ts. */
import type { Input, Maker, Sample } from './sample.ts'

async function memory(maker: Maker): Promise<{ id: string; space: string }> {
  const space = `user:${maker.word()}`
  const body = { space, text: `likes ${maker.word()}` }
  return { id: (await maker.admin('POST', '/v1/memories', body)).body.id, space }
}

/** What the administrator has done, in the log. */
async function ownEvent(maker: Maker): Promise<Input> {
  const { id } = await memory(maker)
  const { items } = (await maker.admin('GET', `/v1/audit-events?resource=${id}`)).body
  return inLog(maker, { event: items[0].id })
}

async function inLog(maker: Maker, input: Input): Promise<Input> {
  await maker.jobs()
  return input
}

export const eventSamples: Readonly<Record<string, Sample>> = {
  'audit-events.list': {
    names: 'filter',
    make: async (maker) => ({ resource: (await memory(maker)).id, limit: '5' }),
  },
  'audit-events.query': {
    names: 'nothing',
    make: async (maker) => ({ subject: (await memory(maker)).space, as: 'space' }),
  },
  'audit-events.export': {
    names: 'nothing',
    make: async (maker) => ({ subject: (await memory(maker)).space, format: 'ocsf', limit: 5 }),
  },
  'audit-events.list-own': { names: 'nothing', make: async () => ({ action: 'self.read' }) },
  'audit-logs.get': { names: 'nothing', make: async () => ({}) },
  'checkpoints.get': { names: 'nothing', make: async (maker) => inLog(maker, {}) },
  'tiles.get': { names: 'nothing', make: async (maker) => inLog(maker, { tile: '0/000.p/1' }) },
  'audit-logs.verify': { names: 'nothing', make: async (maker) => inLog(maker, {}) },
  'leaves.list': { names: 'nothing', make: async (maker) => inLog(maker, { limit: '1' }) },
  'proofs.get': { names: 'id', make: ownEvent },
  'receipts.get': { names: 'id', make: ownEvent },
}
