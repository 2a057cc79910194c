/**
 * Asks a server again and again for what it has no time for just now: too many requests, a restart,
 * a proxy that finds nobody. It waits as long as it is told to, else longer each time, and gives up
 * in the end. Only for what may be done twice.
 */
import { setTimeout } from 'node:timers/promises'
import type { RemoteConfig } from '../config/config.ts'
import { second_ms, stopwatch, systemClock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import {
  type Answered,
  type Asked,
  askServer,
  notLocket,
  refusalOf,
  succeeded,
  Unreachable,
} from './server.ts'

/** Posts JSON and gives back the answer to it. Throws when it is refused, or nobody answers. */
export type Post = (path: string, body: string) => Promise<unknown>

/** Answers that say nothing about the request itself. */
const passing = new Set([408, 429, 502, 503, 504])

const firstWait_ms = second_ms / 2

/** Gives back the answer, whatever it says. Throws when nobody answers, or is ready to. */
export type Ask = (asked: Asked) => Promise<Answered>

export function patientPost(config: RemoteConfig, waiting: (wait_ms: number) => void): Post {
  const ask = patientAsk(config, waiting)
  return async (path, body) => answerOf(config, await ask({ method: 'POST', path, body }))
}

/** `waiting` is told how long, whenever it waits. All requests of one `Ask` wait together. */
export function patientAsk(config: RemoteConfig, waiting: (wait_ms: number) => void): Ask {
  let resume_ms = 0
  let known = false

  const askOnce = async (asked: Asked): Promise<Answered | Unreachable> => {
    await setTimeout(Math.max(0, resume_ms - stopwatch()))
    try {
      const answered = await askServer(config, asked)
      known = true
      return answered
    } catch (thrown) {
      // A server that never answered is not slow: its address is wrong, or it does not run.
      if (thrown instanceof Unreachable && known) return thrown
      throw thrown
    }
  }

  return async (asked) => {
    for (let tried = 1; ; tried++) {
      const got = await askOnce(asked)
      if (!(got instanceof Unreachable) && !passing.has(got.status)) return got
      const wait_ms = waitAfter(got, tried)
      if (tried >= limits.clientTries_max || wait_ms > limits.clientWait_ms_max) {
        throw got instanceof Unreachable ? got : new Error(refusalOf(got))
      }
      resume_ms = Math.max(resume_ms, stopwatch() + wait_ms)
      waiting(wait_ms)
    }
  }
}

/** What is said while it waits. */
export function waitingFor(wait_ms: number): string {
  return `the server cannot serve just now: trying again in ${Math.ceil(wait_ms / second_ms)} s`
}

/** What a good answer says. Throws for any other. */
export function answerOf(config: RemoteConfig, answered: Answered): unknown {
  if (!succeeded(answered)) throw new Error(refusalOf(answered))
  if (answered.value === undefined) throw new Error(notLocket(config))
  return answered.value
}

/** What the server asks for; else twice as long each time. */
function waitAfter(got: Answered | Unreachable, tried: number): number {
  const asked_ms = got instanceof Unreachable ? null : retryAfter_ms(got.headers)
  const own_ms = Math.min(firstWait_ms * 2 ** (tried - 1), limits.clientWait_ms_max)
  return Math.max(asked_ms ?? own_ms, firstWait_ms)
}

/** RFC 9110, section 10.2.3: seconds or a date. */
function retryAfter_ms(headers: Headers): number | null {
  const text = headers.get('retry-after')
  if (text === null) return null
  if (/^\d{1,9}$/.test(text)) return Number(text) * second_ms
  const date_ms = Date.parse(text)
  return Number.isNaN(date_ms) ? null : date_ms - systemClock()
}
