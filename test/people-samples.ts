/** Samples of what people sign in with. */
import type { Input, Maker, Sample } from './sample.ts'

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

/** An input for somebody who is signed in, and only for him. */
async function signedIn(
  maker: Maker,
  input: (person: { password: string; id: string; principalId: string }) => Input,
): Promise<Input> {
  const { principalId, login, password } = await withPassword(maker)
  const body = { tenant: 'default', login, password }
  const { headers, body: made } = await maker.admin('POST', '/v1/sign-ins', body)
  const made_input = input({ password, id: made.id, principalId })
  signedInAs.set(made_input, {
    Cookie: headers.get('set-cookie')?.split(';')[0] ?? '',
    'X-CSRF-Token': made.csrfToken,
    Origin: 'http://127.0.0.1',
  })
  return made_input
}

async function withPassword(maker: Maker): Promise<Omit<Invited, 'token'> & { password: string }> {
  const { principalId, login, token } = await invitation(maker)
  const password = passwordOf(maker)
  await maker.admin('POST', '/v1/invitations/accept', { token, password })
  return { principalId, login, password }
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
