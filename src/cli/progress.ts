/** How far a long command is: on the last line of a terminal, else a line once in a while. */
import { second_ms, stopwatch } from '../core/clock.ts'
import { isWatched, printError, printStatus } from './output.ts'

const watched_interval_ms = second_ms / 10
const unwatched_interval_ms = 10 * second_ms
const bar_characters = 20

export interface Progress {
  /** Tells it when it is time to; the text is not made before. */
  tell(text: () => string): void
  /** Tells it now. */
  say(text: string): void
}

/** A script that takes JSON is told nothing. */
export function createProgress({ json }: { json: boolean }): Progress {
  const interval_ms = isWatched() ? watched_interval_ms : unwatched_interval_ms
  const say = isWatched() ? printStatus : printError
  let told_ms = stopwatch()
  return {
    tell: (text) => {
      if (json || stopwatch() - told_ms < interval_ms) return
      told_ms = stopwatch()
      say(text())
    },
    say: (text) => {
      if (!json) say(text)
    },
  }
}

/** `[#####···············] 25%` */
export function bar(share: number): string {
  const done = Math.max(0, Math.min(1, share))
  const filled = '#'.repeat(Math.round(done * bar_characters))
  return `[${filled.padEnd(bar_characters, '·')}] ${Math.floor(done * 100)}%`
}

/** `12,345` */
export function count(number: number): string {
  return number.toLocaleString('en-US')
}

/** How many in a second, since `began_ms` of the stopwatch. */
export function rate(number: number, began_ms: number): string {
  const seconds = Math.max(0.001, (stopwatch() - began_ms) / second_ms)
  return `${count(Math.round(number / seconds))}/s`
}
