/** What a server says when it is up. */
import type { Config } from '../config/config.ts'
import { bootstrapLife, dataPlace, rootKeyPlace } from './place.ts'

export interface Facts {
  readonly config: Config
  readonly version: string
  readonly url: string
  /** Null when they are not served. */
  readonly docs: string | null
  /** What the first start has made; null on every other. */
  readonly first: { readonly apiKey: string } | null
}

/** Where it is, where it keeps what, and on the first start how to begin. */
export function banner({ config, version, url, docs, first }: Facts): string {
  const lines = [
    `Locket ${version}   ${url}${docs === null ? '' : `   docs ${docs}`}`,
    `data    ${padded(dataPlace(config))}root key ${rootKeyPlace(config)}`,
  ]
  if (first) lines.push(keyLine(first.apiKey), ...firstCall(url, first.apiKey))
  return lines.join('\n')
}

/** The administrator's key, the only time it is shown. */
export function keyLine(apiKey: string): string {
  const advice = `expires in ${bootstrapLife}: make your own with \`locket keys create\``
  return `key     ${padded(apiKey)}administrator, shown once, ${advice}`
}

function firstCall(url: string, apiKey: string): string[] {
  return [
    `try     curl -s ${url}/v1/memories -H "Authorization: Bearer ${apiKey}" -H "Content-Type: application/json" \\`,
    `          -d '{"space":"user:alice","text":"Alice takes her coffee without sugar"}'`,
  ]
}

function padded(text: string): string {
  return `${text.padEnd(25)}   `
}
