/**
 * Witnessed logs: logs of others whose checkpoints are cosigned here (C2SP tlog-witness), and what of each was
 * cosigned last. A log that is ended keeps its row: taken on again, it is held to where it stood.
 */
import { z } from 'zod'
import { toTimestamp } from '../../core/clock.ts'
import { toUtf8 } from '../../core/encoding.ts'
import { LocketError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { sha256 } from '../../crypto/digest.ts'
import { idField, Timestamp } from '../../kernel/fields.ts'
import type { Tables } from '../../storage/tables.ts'
import type { TenantStore } from '../../storage/tenant-store.ts'
import type { TreeHead } from '../../tlog/check-proof.ts'
import { fromVerifierKey, type NoteKey, signatureKinds } from '../../tlog/signed-note.ts'
import { PrincipalIdField } from '../principals/principal.ts'

export type WitnessedLogRow = Tables['witnessed_logs']

/** The key of a log's checkpoints, whose name is the log's origin. */
export const LogKey = z
  .string()
  .max(limits.verifierKey_characters_max)
  .refine(
    (text) => fromVerifierKey(text)?.kind === signatureKinds.ed25519,
    'the verifier key of a log (C2SP signed-note, Ed25519), as `locket audit log` tells it',
  )

export const WitnessedLog = z.strictObject({
  id: idField('wlg'),
  origin: z.string().describe('What its checkpoints call it.'),
  verifierKey: z.string(),
  state: z.enum(['witnessed', 'ended']),
  size: z.int().describe('Entries in the checkpoint that was cosigned last.'),
  cosignedAt: Timestamp.nullable(),
  evidence: z
    .string()
    .nullable()
    .describe(
      'The first that the log has signed of a size that was cosigned, with another root: a fork.',
    ),
  createdAt: Timestamp,
  createdBy: PrincipalIdField,
})
export type WitnessedLog = z.output<typeof WitnessedLog>

/** What a log is looked up by: monitors name it so, too. */
export function originHash(origin: string): string {
  return sha256(toUtf8(origin)).toString('hex')
}

export function cellOf(id: WitnessedLogRow['witnessed_log_id'], column: SealedColumn) {
  return { table: 'witnessed_logs', row: id, column } as const
}

type SealedColumn = 'details' | 'cosigned' | 'evidence'

/** What is sealed of one for good. */
export interface LogDetails {
  readonly verifierKey: string
}

/** Throws `integrity_failed`. */
export async function keyOf(instance: TenantStore, row: WitnessedLogRow): Promise<NoteKey> {
  const cell = cellOf(row.witnessed_log_id, 'details')
  const { verifierKey } = (await instance.open('tenant', cell, row.details)) as LogDetails
  const key = fromVerifierKey(verifierKey)
  if (!key) throw new LocketError('integrity_failed')
  return key
}

/** What was cosigned last; null: nothing. */
export function lastOf({ cosigned, size, root }: WitnessedLogRow): TreeHead | null {
  return cosigned === null ? null : { size, root }
}

/** A signed note that is kept with it; null: there is none. */
export async function noteIn(
  instance: TenantStore,
  row: WitnessedLogRow,
  column: 'cosigned' | 'evidence',
): Promise<string | null> {
  const sealed = row[column]
  const cell = cellOf(row.witnessed_log_id, column)
  return sealed && String(await instance.open('tenant', cell, sealed))
}

export async function toWitnessedLog(
  instance: TenantStore,
  row: WitnessedLogRow,
): Promise<WitnessedLog> {
  const cell = cellOf(row.witnessed_log_id, 'details')
  const { verifierKey } = (await instance.open('tenant', cell, row.details)) as LogDetails
  const key = await keyOf(instance, row)
  return {
    id: row.witnessed_log_id,
    origin: key.name,
    verifierKey,
    state: row.state,
    size: row.size,
    cosignedAt: row.cosigned_at === null ? null : toTimestamp(row.cosigned_at),
    evidence: await noteIn(instance, row, 'evidence'),
    createdAt: toTimestamp(row.created_at),
    createdBy: row.created_by,
  }
}
