/** What a sample of an operation is. */
import assert from 'node:assert/strict'
import type { Call, Locket, Reply } from './harness.ts'
import type { IdentityProvider } from './identity-provider.ts'
import { nextLetter, type SmtpServer } from './smtp-server.ts'

export type Input = Readonly<Record<string, unknown>>

/** What samples are made with. */
export interface Maker {
  /** A call by the administrator, which must succeed. */
  admin(method: string, path: string, body?: unknown): Promise<Reply>
  /** A POST by who is signed in, by what his browser sends along; it must succeed, too. */
  signedIn(headers: Readonly<Record<string, string>>, path: string, body: unknown): Promise<Reply>
  /** Has what waits be sent, and gives back the newest letter to an address. */
  letter(to: string): Promise<string>
  /** Has the jobs run, so that every event there is has its place in a log. */
  jobs(): Promise<void>
  /**
   * An OpenID provider in a process of its own, started when it is first asked for; left out where
   * nothing that needs no credential is called.
   */
  readonly identityProvider?: () => Promise<IdentityProvider>
  /** A word that was never used before; every word of a sample's free text is one. */
  word(): string
}

export interface Sample {
  /**
   * How the input names things that somebody else may own: by `id`, which must be there; by space
   * `handle`; by an id that only `filter`s a list; or not at all.
   */
  readonly names: 'nothing' | 'handle' | 'id' | 'filter'
  readonly make: (maker: Maker) => Promise<Input>
  /** The key of one who can do it, where rights are not enough; whoever else may call it gets a 403. */
  readonly caller?: (maker: Maker, input: Input) => Promise<string>
  /** It is about the sign-in that it is called by; for all others there is none (404). */
  readonly bySignIn?: true
  /** It is done for whoever will come: its event has no actor, and is in the instance's log. */
  readonly ofNobody?: true
}

export interface MakerOptions {
  /** Where its mails go. */
  readonly smtp: SmtpServer
  /** Gives one that was never given before. */
  readonly word: () => string
}

export function makerOf(locket: Pick<Locket, 'call' | 'app'>, { smtp, word }: MakerOptions): Maker {
  const call = async (method: string, path: string, sent: Call): Promise<Reply> => {
    const reply = await locket.call(method, path, sent)
    assert.ok(reply.status < 400, `${method} ${path}: ${JSON.stringify(reply.body)}`)
    return reply
  }
  return {
    admin: (method, path, body) => call(method, path, body === undefined ? {} : { body }),
    signedIn: (headers, path, body) => call('POST', path, { key: null, headers, body }),
    jobs: () => locket.app.jobs.runAll(),
    letter: (to) => nextLetter(locket, smtp, to),
    word,
  }
}

/** The settings of such a Locket: browsers of tests come from there, too. */
export function mailingTo({ settings }: SmtpServer) {
  // By an address there would be no passkeys.
  const passkeyParty = { id: 'localhost', origin: 'http://localhost' }
  return { publicUrl: 'http://127.0.0.1', mailSettings: settings, passkeyParty }
}
