/**
 * E-mail addresses: which texts are one, and when two are the same. Quoted local parts and literal
 * addresses of machines are not taken: nobody has one, and each is a way to say something else to the next parser.
 */
import { domainToASCII } from 'node:url'
import { limits } from './limits.ts'

/** An atom of RFC 5322, section 3.2.3, and of RFC 6531 letters, marks and digits of any script. */
const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-\\p{L}\\p{M}\\p{N}]+"
const local = new RegExp(`^${atom}(?:\\.${atom})*$`, 'u')
const plain = /^[\p{L}\p{M}\p{N}.-]+$/u
const domain =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/
const local_bytes_max = 64

export interface MailAddress {
  /** As mail is sent to it: NFC, the domain in lower case and in ASCII. */
  readonly address: string
  /** What two addresses share that are taken for the same: the local part in lower case, too. */
  readonly lookup: string
}

/** Null for what is none. */
export function parseMailAddress(text: string): MailAddress | null {
  if (text.length > limits.mailAddress_characters_max || !text.isWellFormed()) return null
  const whole = text.normalize('NFC')
  const at = whole.lastIndexOf('@')
  const name = whole.slice(0, at)
  const written = whole.slice(at + 1)
  // What it leaves out or decodes is not what anybody meant: line ends, percent signs.
  const host = plain.test(written) ? domainToASCII(written).toLowerCase() : ''
  const isName = at > 0 && local.test(name) && Buffer.byteLength(name) <= local_bytes_max
  if (!isName || !domain.test(host) || /^\d+(?:\.\d+)*$/.test(host)) return null
  const address = `${name}@${host}`
  if (Buffer.byteLength(address) > limits.mailAddress_characters_max) return null
  return { address, lookup: `${name.toLowerCase().normalize('NFC')}@${host}` }
}
