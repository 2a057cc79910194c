/** What settings may look like: each shape turns the text of a setting into its value. */
import { z } from 'zod'
import { limits } from '../core/limits.ts'
import { parseMailAddress } from '../core/mail-address.ts'
import { readAllowEntry } from '../egress/allow-list.ts'
import { readWitness, type Witness, witnessId } from '../features/cosignatures/witness.ts'
import {
  looksLikeReference,
  parseLocalReference,
  parseReference,
  type Reference,
} from '../secrets/reference.ts'
import { type SinkKind, sinkKinds } from '../sinks/sink.ts'
import { readBudget } from '../throttles/budgets.ts'
import { isProxies } from './proxies.ts'

export const Path = z
  .string()
  .min(1)
  .refine((path) => !path.includes('\0'))

/** Where a secret is; the secret itself has no such shape, and is not taken. */
export const SecretReference: z.ZodType<Reference, string> = read(parseReference)

/** The same on this machine: what reaches Vault cannot be in it. */
export const LocalSecretReference: z.ZodType<Reference, string> = read(parseLocalReference)

/** A file by its path alone, or a reference. */
export const PathOrSecret: z.ZodType<string | Reference, string> = z.union([
  SecretReference,
  Path.refine((text) => !looksLikeReference(text)),
])

export const Host = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$|^[0-9A-Fa-f:.]{2,45}(%\w+)?$/)

/** Written as it is read, so that it can stand in a header and mean the same to everybody. */
export const BaseUrl = z.string().refine(isBaseUrl).transform(withoutSlash)

/** Printable, without spaces at its ends: `nomic-embed-text:v1.5`, `BAAI/bge-m3`. */
export const ModelName = z.string().regex(/^[!-~](?:[ -~]{0,198}[!-~])?$/)

/** `on` and `off`, and nothing that only might mean one of them. */
export const Switch = z.enum(['on', 'off']).transform((word) => word === 'on')

/** The address that mails come from, as it stands in their headers: ASCII alone. */
export const MailAddress = z
  .string()
  .refine((text) => /^[!-~]+$/.test(text) && parseMailAddress(text)?.address === text)

/** Addresses and networks, as `10.0.0.1,10.0.0.0/8`. */
export const Networks = list(z.string().max(50).refine(isProxies))

/** Origins exactly as browsers send them, so that comparing needs no rule. */
export const Origins = list(z.string().refine(isOrigin))

/** Where the server itself may call, in the grammar of the gate that holds it to that. */
export const Destinations = list(z.string().refine((text) => !('expected' in readAllowEntry(text))))

/** Budgets of the table of rates, each once. */
export const RateLimits = list(z.string().refine((text) => readBudget(text) !== null)).refine(
  (all) => new Set(all.map((one) => one.split('=')[0])).size === all.length,
)

export const HttpsUrl = z
  .string()
  .refine((text) => text.startsWith('https://') && isBaseUrl(text))
  .transform(withoutSlash)

/** `syslog+tls://siem.example:6514`; a host as URLs have it, and nothing after it. */
export const SyslogUrl: z.ZodType<{ host: string; port: number }, string> = read((text) => {
  const parts =
    /^syslog\+tls:\/\/(\[[0-9a-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]{0,252})(?::(\d{1,5}))?$/.exec(text)
  const [, host = '', port = '6514'] = parts ?? []
  if (!parts || Number(port) < 1 || Number(port) > 65_535) return null
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
})

/** Kinds of audit sinks, each once. */
export const SinkKinds: z.ZodType<readonly SinkKind[], string> = list(
  z.string().refine((text) => (sinkKinds as readonly string[]).includes(text)),
).transform((kinds) => kinds as readonly SinkKind[])
/** Witnesses, each as `VKEY URL` and once. */
export const Witnesses: z.ZodType<readonly Witness[], string> = list(
  z.string().refine((text) => {
    const url = readWitness(text)?.url
    return url !== undefined && isBaseUrl(url)
  }),
)
  .transform((texts) => texts.map(readWitness).filter((one) => one !== null))
  .refine((all) => all.length <= limits.witnesses_max)
  .refine((all) => new Set(all.map(({ key }) => witnessId(key))).size === all.length)

/** What can be read of a text, or a mistake. */
export function read<Value extends object>(
  parse: (text: string) => Value | null,
): z.ZodType<Value, string> {
  return z.string().transform((text, context) => {
    const value = parse(text)
    if (value === null) context.addIssue({ code: 'custom' })
    return value ?? z.NEVER
  })
}

export function wholeNumber(low: number, high: number): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.number().min(low).max(high))
}

/** Values with commas between them; the empty text is the empty list. */
function list(item: z.ZodType<string, string>): z.ZodType<readonly string[], string> {
  return z
    .string()
    .transform((text) => (text === '' ? [] : text.split(',').map((one) => one.trim())))
    .pipe(z.array(item).max(limits.settingList_items_max))
    .transform((items) => [...new Set(items)])
}

function isBaseUrl(text: string): boolean {
  if (!/^https?:\/\/[^?#@]+$/.test(text) || !URL.canParse(text)) return false
  return withoutSlash(new URL(text).href) === withoutSlash(text)
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '')
}

function isOrigin(text: string): boolean {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false
  const { origin, hostname } = new URL(text)
  return origin === text && !hostname.includes('*')
}
