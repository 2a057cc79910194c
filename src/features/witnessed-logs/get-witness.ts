import { z } from 'zod'
import { assert } from '../../core/assert.ts'
import { limits } from '../../core/limits.ts'
import { operation } from '../../kernel/operation.ts'
import { noteKey, signatureKinds, toVerifierKey } from '../../tlog/signed-note.ts'

/** Tells the key that this Locket cosigns with, for those who have their logs witnessed here. */
export const getWitness = operation({
  id: 'witnesses.get',
  method: 'GET',
  path: '/v1/witness',
  summary: 'Tell the key that this Locket cosigns checkpoints of others with.',
  effect: 'read',
  idempotent: false,
  permission: 'system:admin',
  resource: () => ({ kind: 'instance' }),
  rateClass: 'admin',
  bodyLimit_bytes: limits.body_bytes_max,
  surfaces: ['http', 'cli'],
  audit: 'witness.read',
  input: z.strictObject({}),
  output: z.strictObject({
    name: z.string(),
    verifierKey: z
      .string()
      .describe('What its cosignatures are checked with (C2SP tlog-cosignature, Ed25519).'),
  }),
  status: 200,
  prepare: (ctx) => ctx.services.witnessKeys.current(),
  preparesFirst: () => true,
  run: async (_ctx, _input, { name, publicKey }) => {
    const key = noteKey(name, signatureKinds.cosignature, publicKey)
    assert(key, 'the name of the witness begins with that of the server')
    return { name, verifierKey: toVerifierKey(key) }
  },
})
