/** Where PostgreSQL is, as one URL; and whether the way there is encrypted. */
import { z } from 'zod'
import { isLoopback } from './loopback.ts'

export interface DatabaseUrl {
  /** Without `sslmode`: `tls` is what became of it, and nothing else decides. */
  readonly url: string
  readonly hasPassword: boolean
  /** A socket or an address of this machine. */
  readonly isLocal: boolean
  readonly sslmode: (typeof sslmodes)[number] | null
}

/**
 * Other modes of PostgreSQL's own clients, such as `prefer`, go on in plain text when they may not
 * encrypt, so they are not taken. The three that encrypt mean one thing here: the certificate and
 * the name in it are verified.
 */
const sslmodes = ['disable', 'require', 'verify-ca', 'verify-full'] as const
const parameters: readonly string[] = ['sslmode', 'application_name']
const characters_max = 2000

/** `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE`, with nothing that could undo our own rules. */
export const DatabaseUrlField = z
  .string()
  .max(characters_max)
  .refine((text) => parse(text) !== null)
  .transform((text) => parse(text) as DatabaseUrl)

/** The URL as it may be shown. */
export function withoutPassword(text: string): string {
  const url = new URL(text)
  if (url.password !== '') url.password = '********'
  return url.href
}

function parse(text: string): DatabaseUrl | null {
  if (!/^postgres(ql)?:\/\/[!-~]+$/.test(text) || text.includes('#')) return null
  if (!URL.canParse(text)) return null
  const url = new URL(text)
  const host = decoded(url.hostname)
  const sslmode = sslmodeOf(url)
  if (host === null || !isHost(host) || sslmode === undefined || !isWhole(url)) return null
  url.searchParams.delete('sslmode')
  const isLocal = host.startsWith('/') || isLoopback(host)
  return { url: url.href, hasPassword: url.password !== '', isLocal, sslmode }
}

/** A user and one database are named, and whatever is encoded can be decoded. */
function isWhole(url: URL): boolean {
  const { username, password, pathname } = url
  const isDatabase = /^\/[^/]+$/.test(pathname)
  const parts = [username, password, pathname].map(decoded)
  return isDatabase && username !== '' && !parts.includes(null) && url.port !== '0'
}

/** Null when it is not said; undefined when a parameter is unknown, wrong or said twice. */
function sslmodeOf({ searchParams }: URL): DatabaseUrl['sslmode'] | undefined {
  const names = [...searchParams.keys()]
  const isRight = names.every((name) => parameters.includes(name))
  if (!isRight || new Set(names).size < names.length) return undefined
  const given = searchParams.get('sslmode')
  return given === null ? null : sslmodes.find((one) => one === given)
}

function isHost(host: string): boolean {
  return /^[A-Za-z0-9._-]{1,253}$|^\[[0-9A-Fa-f:.]+\]$|^\/[^\0]{1,200}$/.test(host)
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
