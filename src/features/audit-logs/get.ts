import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { Timestamp } from '../../kernel/fields.ts'
import { operation } from '../../kernel/operation.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { logKey } from '../../tlog/checkpoint.ts'
import { toVerifierKey } from '../../tlog/signed-note.ts'
import { logField, ofNamedLog, storeOf } from '../audit/named.ts'
import type { AskedWitness } from '../cosignatures/cosigning.ts'
import { findCosignature } from '../cosignatures/store.ts'
import { originOf } from './audit-log.ts'
import { eventsFrom, findLog } from './store.ts'

const AuditLog = z.strictObject({
  origin: z.string().describe('What its checkpoints call it, and the name of the key.'),
  verifierKey: z.string().describe('What its checkpoints are checked with (C2SP signed-note).'),
  state: z
    .enum(['growing', 'broken'])
    .describe('`broken`: what is stored is not what was signed, and nothing is added.'),
  size: z.int().describe('Events in its newest checkpoint.'),
  firstIndex: z.int().describe('The first entry that is still kept.'),
  signedAt: Timestamp.nullable().describe('When its newest checkpoint was signed.'),
  witnesses: z
    .array(
      z.strictObject({
        name: z.string(),
        verifierKey: z.string().describe('What its cosignatures are checked with.'),
        state: z
          .enum(['waiting', 'cosigned', 'unlisted', 'refused'])
          .describe(
            '`waiting`: it has not answered yet; `unlisted`: it does not know this log; `refused`: it ' +
              'has cosigned what this log is not any more.',
          ),
        size: z.int().describe('Entries in the checkpoint that it cosigned last.'),
        cosignedAt: Timestamp.nullable(),
        behindSince: Timestamp.nullable().describe('The time of the first event after these.'),
      }),
    )
    .describe('Those that the settings name.'),
})

/** Tells where a log stands and what its checkpoints are checked with. */
export const getAuditLog = operation({
  id: 'audit-logs.get',
  method: 'GET',
  path: '/v1/audit-log',
  summary: 'Tell where an audit log stands, and the key that its checkpoints are checked with.',
  effect: 'read',
  idempotent: false,
  ...ofNamedLog,
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'audit-log.read',
  facts: ({ log }) => ({ details: { log } }),
  input: z.strictObject(logField),
  output: AuditLog,
  status: 200,
  prepare: (ctx) => ctx.services.checkpointKeys.current(),
  preparesFirst: () => true,
  run: async (ctx, input, { server, publicKey }) => {
    const store = storeOf(ctx, input)
    const row = await findLog(store)
    const origin = originOf(server, store.tenant)
    return {
      origin,
      verifierKey: toVerifierKey(logKey(origin, publicKey)),
      state: row?.state === 'broken' ? 'broken' : 'growing',
      size: row?.size ?? 0,
      firstIndex: row?.first_index ?? 0,
      signedAt: row ? toTimestamp(row.signed_at) : null,
      witnesses: await witnessesOf(store, ctx.services.cosigning.asked, row?.size ?? 0),
    } as const
  },
})

type Shown = z.output<typeof AuditLog>['witnesses'][number]

function witnessesOf(
  store: TenantStore,
  asked: readonly AskedWitness[],
  size: number,
): Promise<Shown[]> {
  return Promise.all(
    asked.map(async ({ id, witness: { key } }) => {
      const row = await findCosignature(store, id)
      const upTo = row?.size ?? 0
      const [next] = upTo < size ? await eventsFrom(store, { from: upTo, until: upTo + 1 }) : []
      return {
        name: key.name,
        verifierKey: toVerifierKey(key),
        state: row?.state === 'forked' ? 'refused' : (row?.state ?? 'waiting'),
        size: upTo,
        cosignedAt: row && row.cosigned_at !== null ? toTimestamp(row.cosigned_at) : null,
        behindSince: next ? toTimestamp(next.time) : null,
      } as const
    }),
  )
}
