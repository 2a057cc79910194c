/** Whether somebody who is signed in would have to prove who he is once more before something sensitive. */
import { limits } from '../../core/limits.ts'
import type { Caller } from '../../kernel/context.ts'

/** A key is made for what it does; a browser may have been left open, and a token of it be anywhere. */
export function isStale(
  { signedInAt_ms, signInId }: Pick<Caller, 'signedInAt_ms' | 'signInId'>,
  now: number,
): boolean {
  if (signedInAt_ms === null) return false
  return signInId !== undefined || now - signedInAt_ms > limits.stepUp_life_ms
}
