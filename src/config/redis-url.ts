/** Where the limits are that nodes share, as one URL; and whether the way there is encrypted. */
import { z } from 'zod'
import { isLoopback } from './loopback.ts'

export interface RedisUrl {
  readonly url: string
  readonly hasPassword: boolean
  /** An address of this machine. */
  readonly isLocal: boolean
  /** `rediss`: TLS, certificate and name verified. */
  readonly isEncrypted: boolean
}

const characters_max = 2000

/** `redis[s]://[USER[:PASSWORD]@]HOST[:PORT][/NUMBER]`, with nothing that could undo our own rules. */
export const RedisUrlField = z
  .string()
  .max(characters_max)
  .refine((text) => parse(text) !== null)
  .transform((text) => parse(text) as RedisUrl)

function parse(text: string): RedisUrl | null {
  if (!/^rediss?:\/\/[!-~]+$/.test(text) || /[?#]/.test(text) || !URL.canParse(text)) return null
  const url = new URL(text)
  const isHost = /^[A-Za-z0-9._-]{1,253}$|^\[[0-9A-Fa-f:.]+\]$/.test(url.hostname)
  const isNumber = /^\/?$|^\/\d{1,4}$/.test(url.pathname)
  if (!isHost || !isNumber || url.port === '0' || !isDecodable(url)) return null
  return {
    url: url.href,
    hasPassword: url.password !== '',
    isLocal: isLoopback(url.hostname),
    isEncrypted: url.protocol === 'rediss:',
  }
}

function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password)
    return true
  } catch {
    return false
  }
}
