/** A Locket that sends its mail to a server of the test, and people of its with addresses. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type Locket, type LocketOptions, openLocket } from './harness.ts'
import { origin, password, unlimited } from './signed-in.ts'
import {
  nextLetter,
  type SmtpOptions,
  type SmtpServer,
  startSmtpServer,
  tokenIn,
} from './smtp-server.ts'

/** Where browsers of tests come from. */
export const publicUrl = origin

export interface Mailing {
  readonly locket: Locket
  readonly smtp: SmtpServer
  readonly pass: (ms: number) => void
  /** A user whose address is proven, since he accepted an invitation that was mailed there. */
  resident(name: string, address: string): Promise<string>
}

/** Its time only moves when it is told to. */
export async function openMailing(
  t: TestContext,
  { smtp: smtpOptions, ...options }: LocketOptions & { smtp?: SmtpOptions } = {},
): Promise<Mailing> {
  const time = { now: Date.parse('2026-01-01T00:00:00.000Z') }
  const smtp = await startSmtpServer(t, smtpOptions)
  const locket = await openLocket(t, {
    clock: () => time.now,
    rateBudgets: unlimited,
    publicUrl,
    mailSettings: smtp.settings,
    ...options,
  })
  return {
    locket,
    smtp,
    pass: (ms) => {
      time.now += ms
    },
    resident: async (name, email) => {
      const body = { handle: `user:${name}`, email }
      const invited = await locket.call('POST', '/v1/invitations', { body })
      assert.equal(invited.status, 201, JSON.stringify(invited.body))
      const token = tokenIn(await nextLetter(locket, smtp, email))
      const accepted = { token, password }
      const done = await locket.call('POST', '/v1/invitations/accept', {
        key: null,
        body: accepted,
      })
      assert.equal(done.status, 200, JSON.stringify(done.body))
      return invited.body.principalId
    },
  }
}
