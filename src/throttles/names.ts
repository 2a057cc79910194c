/**
 * By which names counters are kept that stand for people: keyed hashes, so that neither a dump of the
 * memory nor whoever reads the shared store learns who signs in, or from where.
 */
import { networkOf } from '../core/address.ts'
import type { DataKey } from '../crypto/data-key.ts'

/** Whom somebody says he is, whether or not there is such an account. */
export interface Account {
  /** The name of the tenant, as it was given. */
  readonly tenant: string
  /** The name or the e-mail, as it was given. */
  readonly login: string
}

export interface Names {
  account(account: Account): string
  /** An address, or its network of /64; null: one that is not known. */
  address(address: string | null): string
  /** An account from one address. */
  pair(account: Account, address: string | null): string
  /** Of a counter that has another name in this process. */
  counter(kind: string, name: string): string
}

/** The key must be the same on all nodes and after a restart: one derived from the root key. */
export function createNames(key: DataKey): Names {
  const name = (kind: string, ...parts: string[]): string =>
    key
      .mac('throttle', [kind, ...parts])
      .subarray(0, 16)
      .toString('base64url')
  return {
    account: (account) => name('account', ...partsOf(account)),
    address: (address) => name('address', placeOf(address)),
    pair: (account, address) => name('pair', ...partsOf(account), placeOf(address)),
    counter: (kind, one) => name('counter', kind, one),
  }
}

function partsOf({ tenant, login }: Account): [string, string] {
  return [sameName(tenant), sameName(login)]
}

function placeOf(address: string | null): string {
  return address === null ? 'unknown' : networkOf(address)
}

/**
 * One text for all ways of writing a name that anybody could take for the same: case, width, spaces
 * and what cannot be seen make no difference. Two accounts that differ in nothing else share a counter;
 * that is better than one account with many (CVE-2025-6004).
 */
export function sameName(name: string): string {
  const seen = name.normalize('NFKC').replace(unseen, '')
  // Twice to small letters: ẞ has ß, which has SS, which has ss.
  return seen.toLowerCase().toUpperCase().toLowerCase().normalize('NFKC')
}

const unseen = /[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}]/gu
