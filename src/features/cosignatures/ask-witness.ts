/** One call of a witness (C2SP tlog-witness, `add-checkpoint`), and what its answer means. */
import { textOf, toUtf8 } from '../../core/encoding.ts'
import { limits } from '../../core/limits.ts'
import type { Egress } from '../../egress/egress.ts'
import { asEgressError } from '../../egress/egress-error.ts'
import { checkNote, type NoteKey, type NoteSignature, readNote } from '../../tlog/signed-note.ts'
import type { Witness } from './witness.ts'

export type WitnessAnswer =
  | { readonly kind: 'cosigned'; readonly signature: NoteSignature }
  /** It has cosigned so many entries last, and wants the proof from there. */
  | { readonly kind: 'stands-at'; readonly size: number }
  | { readonly kind: 'inconsistent' }
  /** It does not know the log, or not by this key. */
  | { readonly kind: 'unlisted'; readonly why: string }
  /** Nothing that it could have meant. */
  | { readonly kind: 'silent'; readonly why: string }

export interface WitnessCall {
  readonly send: Egress['fetch']
  readonly signal: AbortSignal
  readonly body: string
  /** What is to be cosigned: the text of the note. */
  readonly text: string
}

/** Never throws: a witness that does not answer is no failure of the log. */
export async function askWitness(
  { url, key }: Witness,
  { send, signal, body, text }: WitnessCall,
): Promise<WitnessAnswer> {
  try {
    const response = await send(`${url}/add-checkpoint`, {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain; charset=utf-8' },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(limits.witnessCall_timeout_ms)]),
    })
    const answer = await readAnswer(response)
    if (answer === null) return { kind: 'silent', why: 'its answer is too long, or no text' }
    return meaningOf(response.status, answer, { key, text })
  } catch (thrown) {
    return { kind: 'silent', why: asEgressError(thrown, 'failed').reason }
  }
}

async function readAnswer({ body }: Response): Promise<string | null> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of body ?? []) {
    bytes += piece.length
    if (bytes > limits.witnessAnswer_bytes_max) return null
    pieces.push(piece)
  }
  return textOf(Buffer.concat(pieces))
}

function meaningOf(
  status: number,
  answer: string,
  { key, text }: { key: NoteKey; text: string },
): WitnessAnswer {
  if (status === 200) {
    const signature = cosignatureIn(answer, { key, text })
    return signature
      ? { kind: 'cosigned', signature }
      : { kind: 'silent', why: 'its answer is not signed by the key that it is known by' }
  }
  if (status === 409) {
    const size = /^(0|[1-9]\d{0,15})\n$/.exec(answer)?.[1]
    return size !== undefined && Number.isSafeInteger(Number(size))
      ? { kind: 'stands-at', size: Number(size) }
      : { kind: 'silent', why: 'it does not say where it stands' }
  }
  if (status === 422) return { kind: 'inconsistent' }
  const isUnlisted = status === 403 || status === 404
  return { kind: isUnlisted ? 'unlisted' : 'silent', why: `status ${status}` }
}

/** Lines of others, and of keys that are not known, are left aside. */
function cosignatureIn(
  answer: string,
  { key, text }: { key: NoteKey; text: string },
): NoteSignature | null {
  const note = readNote(toUtf8(`${text}\n${answer}`))
  const own = note?.signatures.filter(({ name, keyId }) => name === key.name && keyId === key.id)
  if (!note || note.text !== text || !own?.[0]) return null
  return checkNote({ text, signatures: own }, key) === 'signed' ? own[0] : null
}
