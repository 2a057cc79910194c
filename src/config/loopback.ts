/** Which hosts are this machine. */
import { isIP } from 'node:net'

/**
 * Whether what goes there, or listens there, stays on this machine. Brackets of a URL may be on. What
 * ends in `.localhost` may be another machine: the resolvers of most systems ask the network for it.
 */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase()
  if (isIP(bare) === 4) return bare.startsWith('127.')
  if (isIP(bare) === 0) return bare === 'localhost'
  return new URL(`http://[${bare.replace(/%.*$/, '')}]`).hostname === '[::1]'
}
