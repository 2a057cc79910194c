/** For which pages passkeys are made: the relying party of Web Authentication. */

export interface RelyingParty {
  /** The domain that a passkey belongs to for good; a browser offers it nowhere else. */
  readonly id: string
  /** Of the pages that may ask for one. */
  readonly origin: string
}

/** Where people reach the server. */
export interface Reached {
  readonly publicUrl: string | null
  /** What counts without a public URL, for who develops on this machine; 0: not known beforehand. */
  readonly port: number
  readonly tls: boolean
}

/**
 * Null where browsers let no page use passkeys: over plain HTTP, but for `localhost`, and by an address
 * instead of a name.
 */
export function relyingPartyOf({ publicUrl, port, tls }: Reached): RelyingParty | null {
  if (publicUrl === null && port === 0) return null
  const url = new URL(publicUrl ?? `${tls ? 'https' : 'http'}://localhost:${port}`)
  const { protocol, hostname, origin } = url
  const isLocal = hostname === 'localhost' || hostname.endsWith('.localhost')
  const isSafe = protocol === 'https:' || isLocal
  return isSafe && isName(hostname) ? { id: hostname, origin } : null
}

/** A URL has its IPv4 addresses as four numbers, however they were written, and its IPv6 in brackets. */
function isName(hostname: string): boolean {
  return !hostname.startsWith('[') && !/^[0-9.]+$/.test(hostname)
}
