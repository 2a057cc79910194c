/** What a check has found, and how it is put into words. */
import type { Config } from '../config/config.ts'

export const statuses = ['pass', 'warn', 'fail', 'unknown'] as const
export type Status = (typeof statuses)[number]

export interface Finding {
  readonly status: Status
  /** One line, in which no secret, handle or memory text is. */
  readonly saw: string
  /** What to do about it; null when there is nothing to do. */
  readonly advice: string | null
}

export function pass(saw: string): Finding {
  return { status: 'pass', saw, advice: null }
}

export function warn(saw: string, advice: string): Finding {
  return { status: 'warn', saw, advice }
}

export function fail(saw: string, advice: string): Finding {
  return { status: 'fail', saw, advice }
}

export function unknown(saw: string, advice: string): Finding {
  return { status: 'unknown', saw, advice }
}

/** What weakens a server warns in development, and is refused by one in production. */
export function unsafe({ mode }: Config, saw: string, advice: string): Finding {
  return mode === 'production' ? fail(saw, advice) : warn(saw, advice)
}

/** Thrown where a check cannot see what it is to look at, with the reason in public words. */
export class CannotTell extends Error {
  readonly advice: string

  constructor(reason: string, advice: string) {
    super(reason)
    this.name = 'CannotTell'
    this.advice = advice
  }
}

/** `1 key`, `2 keys`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
