/** What a way into the server is, for the matrix of all of them. */

import type { Permission, PermissionPattern } from '../../src/core/permissions.ts'
import type { ClientCertificate } from '../../src/crypto/certificate.ts'
import type { Caller } from '../../src/kernel/context.ts'
import type { Reply } from '../harness.ts'
import type { IdentityProvider } from '../identity-provider.ts'
import type { Input, Maker } from '../sample.ts'
import type { Strength, Verdict } from './law.ts'

/** A tenant that credentials are made in, by its administrator. */
export interface Home extends Maker {
  readonly id: string
  readonly slug: string
  /** Which of the roles of whoever can do all there are to be had. */
  readonly roles: readonly string[]
}

export interface Stage {
  readonly provider: IdentityProvider
  now(): number
  /** A call with exactly this. */
  send(sent: Sent): Promise<Reply>
  pass(ms: number): void
}

export interface Sent extends Shown {
  readonly method: string
  readonly path: string
  readonly body?: unknown
}

/** What a request carries that says who sends it. */
export interface Shown {
  readonly headers?: Readonly<Record<string, string>>
  readonly certificate?: ClientCertificate
  readonly address?: string
  /** Put behind the path. */
  readonly query?: string
}

/** A credential that was made for one principal. */
export interface Made {
  readonly principalId: string
  /** Its secret, or what else it is recognised by. */
  readonly text: string
  /** How it is shown: as it is, or as something else in its place. */
  readonly show: (text: string) => Shown
  /** From now on; null: for good. */
  readonly lasts_ms: number | null
  /** Takes it back; null: there is no way but to disable whose it is. */
  readonly end: (() => Promise<unknown>) | null
}

export interface Path {
  readonly name: string
  /** How the audit says that its bearer came in; null: nobody does. */
  readonly method: Caller['method'] | null
  /** What it is narrowed to; null: it may what its owner may. */
  readonly scopes: readonly PermissionPattern[] | null
  /** What its owner may, and it may not. */
  readonly lessThanOwner?: readonly Permission[]
  readonly isForOnePlace?: boolean
  /** It never does what asks whoever is signed in for his password again. */
  readonly neverFresh?: boolean
  /** Its bearer must have a second factor and has none: he may add one, and little else. */
  readonly lacksFactor?: boolean
  /** It ends when its tenant is disabled, and is nobody's from then on. */
  readonly endsWithTenant?: boolean
  /** Strengths that it cannot have, and why. */
  readonly lacks: Readonly<Partial<Record<Strength, string>>>
  /** What it is answered with however good it is: it is no way in. */
  readonly always?: Verdict
  /** What a browser says besides of the page that asks; left out: all that is needed. */
  readonly page?: 'unsaid' | 'other'
  /** The headers of somebody signed in, as this way sends them. */
  readonly dress?: (headers: Readonly<Record<string, string>>) => Readonly<Record<string, string>>
  readonly make: (home: Home, stage: Stage) => Promise<Made>
}

/** A way in that is an operation open to all: what its input holds is the credential. */
export interface Entry {
  /** The operation's id. */
  readonly operation: string
  /** What is shown, where one operation takes several. */
  readonly by?: string
  readonly lacks: Readonly<Partial<Record<Strength, string>>>
  /** Who has the right one is told that his tenant is disabled. */
  readonly tellsTenant?: true
  /** It works once. */
  readonly once: boolean
  readonly make: (home: Home, stage: Stage) => Promise<MadeEntry>
}

export interface MadeEntry extends Omit<Made, 'show'> {
  readonly input: (text: string) => Input
}
