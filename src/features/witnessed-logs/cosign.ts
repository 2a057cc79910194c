import { z } from 'zod'
import { toUtf8 } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { type Id, instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import type { PublicContext } from '../../kernel/context.ts'
import { publicOperation, Refused } from '../../kernel/operation.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import { cosign } from '../../tlog/checkpoint.ts'
import { type NoteKey, signatureLine, writeNote } from '../../tlog/signed-note.ts'
import { type AddCheckpoint, type Judgement, judge, readAddCheckpoint } from '../../tlog/witness.ts'
import { appendEvent } from '../audit/append.ts'
import { jobEvent } from '../audit/event.ts'
import { findLog, getLog, putLog } from './store.ts'
import type { WitnessKey } from './witness-keys.ts'
import { cellOf, keyOf, lastOf, originHash, type WitnessedLogRow } from './witnessed-log.ts'

/** What is known of a request before the transaction: nobody but the log can have signed it. */
interface Judged {
  readonly asked: AddCheckpoint
  readonly log: Id<'wlg'>
  readonly key: NoteKey
  readonly witness: WitnessKey
}

/**
 * Cosigns a checkpoint that follows the one before (C2SP tlog-witness, `add-checkpoint`). Nobody is asked who he is:
 * the log's own signature is what counts. All but what follows, or is evidence of a fork, is refused before
 * anything is written. Fails with `invalid_input`, `not_found`, `checkpoint_unsigned`, `checkpoint_stale`,
 * `checkpoint_inconsistent`.
 */
export const cosignCheckpoint = publicOperation({
  id: 'witnessed-logs.cosign',
  method: 'POST',
  path: '/v1/witness/add-checkpoint',
  summary: 'Have a checkpoint of a witnessed log cosigned (C2SP tlog-witness), if it follows.',
  effect: 'write',
  // A log of each tenant may ask every few seconds, and only who has the key of one has anything written.
  rateClass: 'read',
  bodyLimit_bytes: limits.addCheckpoint_bytes_max,
  surfaces: ['http'],
  opening: true,
  audit: 'checkpoint.cosigned',
  input: z.strictObject({
    request: z
      .string()
      .max(limits.addCheckpoint_bytes_max)
      .describe(
        '`old SIZE`, the hashes of the proof, an empty line, the checkpoint: the whole body.',
      ),
  }),
  bodyText: 'request',
  output: z.string(),
  media: 'text/plain; charset=utf-8',
  status: 200,
  prepare: async (ctx, { request }): Promise<Judged> => {
    ctx.about({ tenant: instanceTenant, actor: null, credentialId: null })
    const asked = readAddCheckpoint(toUtf8(request))
    if (!asked) throw new LocketError('invalid_input', 'request: not as C2SP tlog-witness has it')
    const witness = await ctx.services.witnessKeys.current()
    const known = await ctx.read(async (inside) => {
      const instance = inside.open(instanceTenant)
      const row = await findLog(instance, originHash(asked.checkpoint.origin))
      return row?.state === 'witnessed' ? { row, key: await keyOf(instance, row) } : null
    })
    if (!known) throw new LocketError('not_found', 'No log of this origin is witnessed here.')
    const { row, key } = known
    const judgement = judge(asked, { key, last: lastOf(row) })
    const log = row.witnessed_log_id
    if (judgement === 'inconsistent') {
      ctx.services.log.error({ log, size: asked.checkpoint.size }, 'a witnessed log has forked')
    } else if (judgement !== 'follows') throw refusalOf(judgement, row)
    return { asked, log, key, witness }
  },
  run: async (ctx, _input, { asked, log, key, witness }) => {
    const instance = ctx.open(instanceTenant)
    const row = await getLog(instance, log)
    if (row.state !== 'witnessed') throw new LocketError('not_found')
    const judgement = judge(asked, { key, last: lastOf(row) })
    if (judgement === 'inconsistent') throw await accused(ctx, instance, { row, asked, key })
    if (judgement !== 'follows') throw refusalOf(judgement, row)
    const { note, checkpoint } = asked
    const own = cosign(note.text, { name: witness.name, key: witness, now_ms: ctx.now })
    const cosigned = writeNote({ ...note, signatures: [...signaturesOf(asked, key), own] })
    const { size, root } = checkpoint
    const sealed = await instance.seal('tenant', cellOf(log, 'cosigned'), cosigned)
    const next = { ...row, size, root: Buffer.from(root), cosigned: sealed, cosigned_at: ctx.now }
    await putLog(instance, next, row.size)
    ctx.note({ log, size })
    return signatureLine(own)
  },
})

/** Those that were checked: others are nobody's that is known here. */
function signaturesOf({ note }: AddCheckpoint, key: NoteKey) {
  return note.signatures.filter(({ name, keyId }) => name === key.name && keyId === key.id)
}

function refusalOf(judgement: Judgement, { witnessed_log_id, size }: WitnessedLogRow): LocketError {
  const facts = { log: witnessed_log_id, judgement }
  if (judgement === 'unsigned') return new LocketError('checkpoint_unsigned', undefined, { facts })
  if (judgement === 'malformed') {
    return new LocketError('invalid_input', 'request: old is more than its checkpoint', { facts })
  }
  if (judgement === 'unproven') {
    return new LocketError('checkpoint_inconsistent', undefined, { facts })
  }
  const spoken = { type: 'text/x.tlog.size', text: `${size}\n` } as const
  return new LocketError('checkpoint_stale', undefined, { facts, spoken })
}

interface Accusation {
  readonly row: WitnessedLogRow
  readonly asked: AddCheckpoint
  readonly key: NoteKey
}

/**
 * What the log has signed is kept, since it is the proof against it; the first of it alone, so that whoever has its
 * key cannot fill the audit.
 */
async function accused(
  ctx: PublicContext,
  instance: TenantStore,
  { row, asked, key }: Accusation,
): Promise<Error> {
  const log = row.witnessed_log_id
  const facts = { log, judgement: 'inconsistent' }
  const error = new LocketError('checkpoint_inconsistent', undefined, { facts })
  if (row.evidence !== null) return error
  const signed = writeNote({ ...asked.note, signatures: signaturesOf(asked, key) })
  const evidence = await instance.seal('tenant', cellOf(log, 'evidence'), signed)
  await putLog(instance, { ...row, evidence }, row.size)
  const details = { cosigned: row.size, shown: asked.checkpoint.size }
  const about = { resourceId: log, outcome: 'denied', code: error.code, details } as const
  const event = jobEvent(ctx.now, 'witnessed-log.forked', about)
  await appendEvent(instance, { ...event, class: 'security' }, ctx.services.clock)
  return new Refused(error)
}
