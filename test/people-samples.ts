/** Samples of what people sign in with. */
import assert from 'node:assert/strict'
import type { Reply } from './harness.ts'
import { device } from './passkeys.ts'
import { atProvider, clientSecret, cookieOf } from './provider-sign-in.ts'
import type { Input, Maker, Sample } from './sample.ts'
import { totpProof } from './signed-in.ts'
import { tokenIn } from './smtp-server.ts'

/** A password that is no common one, and is found wherever it should not be. */
const passwordOf = (maker: Maker): string => `the ${maker.word()} of a sample`

interface Invited {
  readonly login: string
  readonly principalId: string
  readonly token: string
}

async function invitation(maker: Maker): Promise<Invited> {
  const login = maker.word()
  const body = { handle: `user:${login}`, name: maker.word() }
  return { login, ...(await maker.admin('POST', '/v1/invitations', body)).body }
}

/** What a browser sends along whose user is signed in, by the input that was made for him. */
export const signedInAs = new WeakMap<Input, Readonly<Record<string, string>>>()

/** Somebody who is signed in, and what he can do himself before. */
interface SignedIn {
  readonly password: string
  readonly login: string
  readonly id: string
  readonly principalId: string
  readonly send: (path: string, body: object) => Promise<Reply>
}

/** An input for somebody who is signed in, and only for him. */
async function signedIn(
  maker: Maker,
  input: (person: SignedIn) => Input | Promise<Input>,
): Promise<Input> {
  const { principalId, login, password } = await withPassword(maker)
  const body = { tenant: 'default', login, password }
  const signIn = await maker.admin('POST', '/v1/sign-ins', body)
  const { id } = signIn.body
  let shown = shownBy(signIn)
  const send: SignedIn['send'] = async (path, sent) => {
    const reply = await maker.signedIn(shown, path, sent)
    // What changes factors renews the sign-in.
    if (reply.headers.has('set-cookie')) shown = shownBy(reply)
    return reply
  }
  const made = await input({ password, login, id, principalId, send })
  signedInAs.set(made, shown)
  return made
}

function shownBy({ headers, body }: Reply): Readonly<Record<string, string>> {
  return {
    Cookie: headers.get('set-cookie')?.split(';')[0] ?? '',
    'X-CSRF-Token': body.csrfToken,
    Origin: 'http://127.0.0.1',
  }
}

/** A factor that is begun, and the proof of it. */
async function begun(maker: Maker, { send }: SignedIn) {
  const { body } = await send('/v1/factors', { kind: 'totp', name: maker.word() })
  return { id: body.id as string, factor: totpProof(body.seed, Date.parse(body.createdAt)) }
}

/** One that is asked for. Recovery codes are shown at any time, which its code can only be once. */
async function withFactor(maker: Maker, person: SignedIn) {
  const { id, factor } = await begun(maker, person)
  await person.send(`/v1/factors/${id}/confirm`, { factor })
  const { body } = await person.send('/v1/factors/recovery-codes', {})
  return { id, factor: { kind: 'recovery-code', code: body.codes[0] as string } }
}

async function withPassword(maker: Maker): Promise<Omit<Invited, 'token'> & { password: string }> {
  const { principalId, login, token } = await invitation(maker)
  const password = passwordOf(maker)
  await maker.admin('POST', '/v1/invitations/accept', { token, password })
  return { principalId, login, password }
}

/** A provider that people sign in by; Locket is known there. */
async function wayIn(maker: Maker): Promise<{ id: string; start: Input }> {
  const provider = await maker.identityProvider?.()
  assert.ok(provider, 'there is a provider to sign in by')
  const { issuer, behave } = provider
  const made = await maker.admin('GET', '/v1/identity-providers')
  const known = made.body.items.find((one: { issuer: string }) => one.issuer === issuer)
  const signIn = { clientId: 'locket', clientSecret }
  const body = { name: `p${maker.word().slice(-20)}`, issuer, signIn }
  const { id } = known ?? (await maker.admin('POST', '/v1/identity-providers', body)).body
  if (!known) {
    const user = { handle: `user:${maker.word()}` }
    const { id: principalId } = (await maker.admin('POST', '/v1/principals', user)).body
    const tie = { providerId: id, subject: 'alice', principalId }
    await maker.admin('POST', '/v1/external-identities', tie)
  }
  await behave({ redirectUris: [`http://127.0.0.1/v1/oidc/${id}/callback`] })
  return { id, start: { provider: id, tenant: 'default', returnTo: `/${maker.word()}` } }
}

/** What a provider sends a browser back with, and what that browser sends along. */
async function cameBack(maker: Maker): Promise<Input> {
  const { id, start } = await wayIn(maker)
  const query = new URLSearchParams({ tenant: 'default', returnTo: String(start['returnTo']) })
  const { headers } = await maker.admin('GET', `/v1/oidc/${id}/start?${query}`)
  const location = new URL(headers.get('location') ?? '')
  const back = await atProvider({ location, cookie: '' })
  const input = { provider: id, ...Object.fromEntries(back.searchParams) }
  signedInAs.set(input, { Cookie: cookieOf(headers) })
  return input
}

export const peopleSamples: Readonly<Record<string, Sample>> = {
  'invitations.create': {
    names: 'nothing',
    make: async (maker) => ({ handle: `user:${maker.word()}`, name: maker.word() }),
  },
  'invitations.accept': {
    names: 'nothing',
    make: async (maker) => ({
      token: (await invitation(maker)).token,
      password: passwordOf(maker),
    }),
  },
  'password-resets.create': {
    names: 'id',
    make: async (maker) => ({ principalId: (await withPassword(maker)).principalId }),
  },
  'password-resets.complete': {
    names: 'nothing',
    make: async (maker) => {
      const { principalId } = await withPassword(maker)
      const { body } = await maker.admin('POST', '/v1/password-resets', { principalId })
      return { token: body.token, password: passwordOf(maker) }
    },
  },

  'password-resets.request': {
    names: 'nothing',
    make: async (maker) => ({ tenant: 'default', login: maker.word() }),
  },

  'emails.list': { names: 'nothing', make: async () => ({}) },
  'emails.create': {
    names: 'nothing',
    bySignIn: true,
    make: (maker) => signedIn(maker, () => ({ address: `${maker.word()}@corp.example` })),
  },
  'emails.prove': {
    names: 'id',
    bySignIn: true,
    make: async (maker) => {
      const address = `${maker.word()}@corp.example`
      const signed = await signedIn(maker, () => ({ address }))
      const headers = signedInAs.get(signed) ?? {}
      await maker.signedIn(headers, '/v1/emails', { address })
      const input = { token: tokenIn(await maker.letter(address)) }
      signedInAs.set(input, headers)
      return input
    },
  },
  'emails.delete': {
    names: 'id',
    make: async (maker) => {
      const email = `${maker.word()}@corp.example`
      const body = { handle: `user:${maker.word()}`, email }
      const { principalId } = (await maker.admin('POST', '/v1/invitations', body)).body
      const token = tokenIn(await maker.letter(email))
      const accepted = { token, password: passwordOf(maker) }
      await maker.admin('POST', '/v1/invitations/accept', accepted)
      const path = `/v1/emails?principalId=${principalId}`
      return { id: (await maker.admin('GET', path)).body.items[0].id }
    },
  },
  'provider-sign-ins.start': {
    names: 'nothing',
    make: async (maker) => (await wayIn(maker)).start,
  },
  'provider-sign-ins.finish': { names: 'nothing', make: cameBack },

  'passwords.change': {
    names: 'nothing',
    bySignIn: true,
    make: (maker) =>
      signedIn(maker, ({ password }) => ({ password, newPassword: passwordOf(maker) })),
  },
  'sign-ins.create': {
    names: 'nothing',
    make: async (maker) => {
      const { login, password } = await withPassword(maker)
      return { tenant: 'default', login, password }
    },
  },
  'sign-ins.finish': {
    names: 'nothing',
    make: async (maker) => {
      return signedIn(maker, async (person) => {
        const { factor } = await withFactor(maker, person)
        const { login, password } = person
        const body = { tenant: 'default', login, password }
        const { challenge } = (await maker.admin('POST', '/v1/sign-ins', body)).body
        return { challenge, factor }
      })
    },
  },
  'sign-in-policy.get': { names: 'nothing', make: async () => ({}) },
  'sign-in-policy.update': {
    names: 'nothing',
    make: async () => ({ mfa: { required: 'administrators', roles: ['developer'] } }),
  },
  'sign-ins.begin-with-passkey': {
    names: 'nothing',
    ofNobody: true,
    make: async () => ({ tenant: 'default' }),
  },
  'sign-ins.ask-passkey': {
    names: 'nothing',
    bySignIn: true,
    make: (maker) =>
      signedIn(maker, async (person) => {
        const { body } = await person.send('/v1/factors', { kind: 'passkey', name: maker.word() })
        const credential = device().create(body.passkey)
        const factor = { kind: 'passkey', credential }
        await person.send(`/v1/factors/${body.id}/confirm`, { factor })
        return {}
      }),
  },
  'factors.create': {
    names: 'nothing',
    bySignIn: true,
    make: (maker) => signedIn(maker, () => ({ kind: 'totp', name: maker.word() })),
  },
  'factors.confirm': {
    names: 'id',
    bySignIn: true,
    make: (maker) => signedIn(maker, async (person) => begun(maker, person)),
  },
  'factors.create-recovery-codes': {
    names: 'nothing',
    bySignIn: true,
    make: (maker) =>
      signedIn(maker, async (person) => {
        await withFactor(maker, person)
        return {}
      }),
  },
  'factors.list': { names: 'nothing', make: async () => ({}) },
  'factors.delete': {
    names: 'id',
    make: (maker) =>
      signedIn(maker, async (person) => ({ id: (await withFactor(maker, person)).id })),
  },
  'sign-ins.list': { names: 'nothing', make: async () => ({}) },
  'sign-ins.current': {
    names: 'nothing',
    bySignIn: true,
    make: (maker) => signedIn(maker, () => ({})),
  },
  'sign-ins.confirm': {
    names: 'nothing',
    bySignIn: true,
    make: (maker) => signedIn(maker, ({ password }) => ({ password })),
  },
  'sign-ins.leave': {
    names: 'nothing',
    bySignIn: true,
    make: (maker) => signedIn(maker, () => ({})),
  },
  'sign-ins.end': { names: 'id', make: (maker) => signedIn(maker, ({ id }) => ({ id })) },
  'sign-ins.end-all': {
    names: 'id',
    make: (maker) => signedIn(maker, ({ principalId }) => ({ principalId })),
  },
}
