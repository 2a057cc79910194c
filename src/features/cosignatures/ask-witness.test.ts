import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../../core/limits.ts'
import { signingKey } from '../../crypto/signing-key.ts'
import { EgressError } from '../../egress/egress-error.ts'
import { cosign } from '../../tlog/checkpoint.ts'
import { noteKey, signatureKinds, signatureLine, toVerifierKey } from '../../tlog/signed-note.ts'
import { askWitness } from './ask-witness.ts'
import { readWitness, witnessId } from './witness.ts'

const signer = signingKey(Buffer.alloc(32, 7))
const other = signingKey(Buffer.alloc(32, 8))
const name = 'w.example/witness'
const key = noteKey(name, signatureKinds.cosignature, signer.publicKey)
assert.ok(key)
const witness = { key, url: 'https://w.example/v1/witness' }
const text = 'log.example\n3\nqL1aRcHZwR0rIaUlYq9b8pM0b0UQ3RNPwPpbbgWl4nI=\n'
const now_ms = 1_790_000_000_000

const line = (by = signer, of = text, as = name): string =>
  signatureLine(cosign(of, { name: as, key: by, now_ms }))

/** What is made of an answer, whatever was asked. */
function answered(status: number, body: string | Uint8Array<ArrayBuffer>) {
  const send = async (): Promise<Response> => new Response(body, { status })
  return askWitness(witness, { send, signal: new AbortController().signal, body: 'old 0\n', text })
}

test('an answer is taken that the witness has signed, lines of others beside it', async () => {
  for (const body of [
    line(),
    line(other, text, 'v.example') + line(),
    line() + line(other, text, 'v'),
  ]) {
    const answer = await answered(200, body)
    assert.equal(answer.kind, 'cosigned', body)
    assert.equal(answer.kind === 'cosigned' && answer.signature.name, name)
  }
})

test('and no other', async () => {
  const wrong = [
    line(other),
    line(signer, text.replace('\n3\n', '\n4\n')),
    line(other, text, 'v.example'),
    line().trimEnd(),
    `\n${line()}`,
    `${text}\n${line()}`,
    line().replace('— ', ''),
    '{"code":"internal"}',
    '',
  ]
  for (const body of wrong) assert.equal((await answered(200, body)).kind, 'silent', body)
  assert.equal((await answered(200, Buffer.of(0xff))).kind, 'silent')
  const large = line() + 'x'.repeat(limits.witnessAnswer_bytes_max)
  assert.equal((await answered(200, large)).kind, 'silent')
})

test('what it refuses is told apart', async () => {
  assert.deepEqual(await answered(409, '12\n'), { kind: 'stands-at', size: 12 })
  for (const body of ['12', '012\n', '-1\n', '{}', '99999999999999999999\n']) {
    assert.equal((await answered(409, body)).kind, 'silent', body)
  }
  assert.equal((await answered(422, '')).kind, 'inconsistent')
  for (const status of [403, 404]) {
    assert.equal((await answered(status, '')).kind, 'unlisted', String(status))
  }
  for (const status of [400, 401, 429, 500, 503]) {
    const answer = await answered(status, '')
    assert.deepEqual(answer, { kind: 'silent', why: `status ${status}` })
  }
})

test('one that cannot be called is silent, and says why', async () => {
  const send = () => Promise.reject(new EgressError('not_allowed'))
  const call = { send, signal: new AbortController().signal, body: '', text }
  assert.deepEqual(await askWitness(witness, call), { kind: 'silent', why: 'not_allowed' })
})

test('a witness is named by its key and its place', () => {
  const vkey = toVerifierKey(key)
  const named = readWitness(`${vkey} https://w.example/v1/witness/`)
  assert.deepEqual([named?.url, named && witnessId(named.key)], [witness.url, witnessId(key)])
  assert.match(witnessId(key), /^w\.example\/witness\+[0-9a-f]{8}$/)
  const log = noteKey(name, signatureKinds.ed25519, signer.publicKey)
  const wrong = ['', vkey, `${vkey} `, `${vkey}  https://w.example`, `${vkey} https://w.example x`]
  assert.ok(log)
  for (const one of [...wrong, `${toVerifierKey(log)} https://w.example`]) {
    assert.equal(readWitness(one), null, one)
  }
})
