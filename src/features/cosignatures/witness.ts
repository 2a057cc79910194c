/** Witnesses: who is asked to cosign the checkpoints of our logs (C2SP tlog-witness), as the settings name them. */
import { fromVerifierKey, type NoteKey, signatureKinds } from '../../tlog/signed-note.ts'

export interface Witness {
  readonly key: NoteKey
  /** The prefix that `/add-checkpoint` follows, without a slash at its end. */
  readonly url: string
}

/** `VKEY URL`. Null for what is none; the URL is not looked at. */
export function readWitness(text: string): Witness | null {
  const [vkey = '', url = '', ...more] = text.split(' ')
  const key = fromVerifierKey(vkey)
  if (key?.kind !== signatureKinds.cosignature || url === '' || more.length > 0) return null
  return { key, url: url.replace(/\/+$/, '') }
}

/** What rows call it: its name, and which key. */
export function witnessId({ name, id }: NoteKey): string {
  return `${name}+${id.toString(16).padStart(8, '0')}`
}
