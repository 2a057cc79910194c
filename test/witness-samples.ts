/** Samples of what a witness does. */
import { originHash } from '../src/features/witnessed-logs/witnessed-log.ts'
import type { Maker, Sample } from './sample.ts'
import { type OtherLog, otherLog } from './witnessing.ts'

const empty: Sample = { names: 'nothing', make: async () => ({}) }

export const witnessSamples: Readonly<Record<string, Sample>> = {
  'witnesses.get': empty,
  'witnessed-logs.create': {
    names: 'nothing',
    make: async (maker) => ({ verifierKey: otherLog(`${maker.word()}.example`).verifierKey }),
  },
  'witnessed-logs.list': empty,
  'witnessed-logs.delete': {
    names: 'id',
    make: async (maker) => ({ id: (await witnessed(maker)).id }),
  },
  'witnessed-logs.cosign': {
    names: 'nothing',
    ofNobody: true,
    make: async (maker) => ({ request: await (await witnessed(maker)).log.request(first) }),
  },
  'witnessed-logs.checkpoint': {
    names: 'nothing',
    ofNobody: true,
    make: async (maker) => {
      const { log } = await witnessed(maker)
      const request = await log.request(first)
      await maker.admin('POST', '/v1/witness/add-checkpoint', { request })
      return { originHash: originHash(log.origin) }
    },
  },
}

const first = { old: 0, size: 3 }

async function witnessed(maker: Maker): Promise<{ id: string; log: OtherLog }> {
  const log = otherLog(`${maker.word()}.example`)
  const { verifierKey } = log
  const { id } = (await maker.admin('POST', '/v1/witnessed-logs', { verifierKey })).body
  return { id, log }
}
