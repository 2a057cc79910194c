/** Why a secret cannot be had. The sentences are ours: neither it nor what a server sent is in them. */
import { Fault } from '../core/fault.ts'

const sentences = {
  absent: 'there is none there',
  not_a_file: 'it is not a regular file',
  unreadable: 'it cannot be read',
  exposed: 'others can get at it',
  empty: 'it is empty',
  too_large: 'it is too large',
  not_text: 'it is not UTF-8 text',
  unreachable: 'the server cannot be reached',
  timeout: 'it took too long',
  refused: 'the server refuses us',
  no_key: 'there is no such key in it, or its value is no text',
  invalid_answer: 'the answer is not what was asked for',
  failed: 'the server failed',
} as const

export type SecretReason = keyof typeof sentences

export class SecretError extends Fault {
  readonly reason: SecretReason

  /** `detail` is a status, a mode or the code of an error. */
  constructor(reason: SecretReason, detail: string | number | null = null) {
    super(`${sentences[reason]}${detail === null ? '' : ` (${detail})`}`)
    this.name = 'SecretError'
    this.reason = reason
  }
}
