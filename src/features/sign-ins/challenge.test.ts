import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { eventsAfter } from '../../../test/data-files.ts'
import {
  codeAt,
  type Enrolled,
  enrol,
  knock,
  password,
  person,
  prove,
  signIn,
  status,
  type Timed,
  timed,
  totpProof,
} from '../../../test/signed-in.ts'
import { hour_ms } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { totpStep_ms } from '../../crypto/totp.ts'

interface World extends Timed, Enrolled {
  readonly principalId: string
  readonly challenge: () => Promise<string>
}

/** Alice has an app, whose next code is a new one. */
async function withApp(t: Parameters<typeof timed>[0]): Promise<World> {
  const world = await timed(t)
  const { locket, now, pass } = world
  const principalId = await person(locket, 'alice')
  const enrolled = await enrol(locket, await signIn(locket), { now: now() })
  pass(totpStep_ms)
  const challenge = async () => (await knock(locket)).body.challenge
  return { ...world, ...enrolled, principalId, challenge }
}

const wrong = { kind: 'totp', code: '000000' }

describe('password, factor, sign-in [V2.3.1]', () => {
  test('the password alone gives a challenge, and that opens nothing', async (t) => {
    const { locket, seed, now, challenge } = await withApp(t)
    const reply = await knock(locket)
    assert.equal(reply.headers.get('set-cookie'), null)
    const { challenge: token, id, factors, expiresAt } = reply.body
    assert.match(token, /^lkc_[0-9A-Z]{26}_[0-9A-Z]{26}_[0-9A-Za-z]{43}$/)
    assert.deepEqual(factors, ['totp'])
    assert.equal(Date.parse(expiresAt) - now(), 10 * 60_000)
    for (const shown of [token, token.replace('lkc_', 'lks_')]) {
      const Cookie = `__Host-locket=${shown}`
      const seen = await locket.call('GET', '/v1/whoami', { key: null, headers: { Cookie } })
      assert.equal(seen.status, 401, 'not as a cookie')
      assert.equal((await locket.call('GET', '/v1/whoami', { key: shown })).status, 401)
    }
    const rows = JSON.stringify(await locket.sql('select * from sign_ins'))
    assert.ok(!rows.includes(token.slice(-43)))
    const done = await prove(locket, { challenge: token, factor: totpProof(seed, now()) })
    assert.equal(done.status, 201)
    assert.match(done.headers.get('set-cookie') ?? '', /^__Host-locket=lks_/)
    assert.notEqual(done.body.id, id)
    assert.notEqual(await challenge(), token)
  })

  test('without the right challenge there is nothing to prove, and with one only once', async (t) => {
    const { locket, seed, now, pass, challenge } = await withApp(t)
    const token = await challenge()
    const factor = totpProof(seed, now())
    const [mark, tenant, id, secret = ''] = token.split('_')
    const others = [
      [mark, tenant, id, secret.toLowerCase()].join('_'),
      ['lks', tenant, id, secret].join('_'),
      [mark, tenant, id].join('_'),
      'lkc',
    ]
    for (const other of others) {
      assert.equal((await prove(locket, { challenge: other, factor })).status, 401, other)
    }
    assert.equal((await prove(locket, { challenge: token, factor })).status, 201)
    pass(totpStep_ms)
    assert.equal(
      (await prove(locket, { challenge: token, factor: totpProof(seed, now()) })).status,
      401,
      'used',
    )
    const late = await challenge()
    pass(limits.challenge_life_ms)
    assert.equal(
      (await prove(locket, { challenge: late, factor: totpProof(seed, now()) })).status,
      401,
      'over [V6.5.5]',
    )
    await locket.app.jobs.runAll()
    const rows = await locket.sql("select * from sign_ins where state = 'pending'")
    assert.deepEqual(rows, [])
  })

  test('who is disabled, or has another password by now, finishes nothing', async (t) => {
    const { locket, seed, now, challenge, principalId } = await withApp(t)
    const token = await challenge()
    const patch = (state: string) =>
      locket.call('PATCH', `/v1/principals/${principalId}`, { body: { state } })
    await patch('disabled')
    await patch('active')
    assert.equal(
      (await prove(locket, { challenge: token, factor: totpProof(seed, now()) })).status,
      401,
    )
  })

  test('who waits for a factor signs nobody out', async (t) => {
    const { locket, browser, challenge } = await withApp(t)
    for (let at = 0; at < limits.challenges_perPrincipal_max + 3; at += 1) await challenge()
    assert.equal(await status(browser), 200)
    const pending = await locket.sql("select * from sign_ins where state = 'pending'")
    assert.equal(pending.length, limits.challenges_perPrincipal_max)
    const { items } = (await browser.get('/v1/sign-ins')).body
    assert.deepEqual(
      items.map(({ id }: { id: string }) => id),
      [browser.id],
      'and is no sign-in',
    )
  })
})

test('a reset of the password, or an invitation, leaves the factors as they are [V6.4.3]', async (t) => {
  const { locket, seed, now, principalId, challenge } = await withApp(t)
  const before = await challenge()
  const made = await locket.call('POST', '/v1/password-resets', { body: { principalId } })
  const body = { token: made.body.token, password }
  const reset = await locket.call('POST', '/v1/password-resets/complete', { key: null, body })
  assert.equal(reset.status, 200)
  assert.equal(
    (await prove(locket, { challenge: before, factor: totpProof(seed, now()) })).status,
    401,
  )
  const invited = await locket.call('POST', '/v1/invitations', { body: { principalId } })
  assert.equal(invited.body.code, 'in_use')
  const reply = await knock(locket)
  assert.deepEqual([reply.headers.get('set-cookie'), reply.body.factors], [null, ['totp']])
  assert.equal(
    (await prove(locket, { challenge: reply.body.challenge, factor: totpProof(seed, now()) }))
      .status,
    201,
  )
})

describe('a code', () => {
  test('is six digits and nothing else: no other form is compared or counted [V6.5.1]', async (t) => {
    const { locket, seed, now, challenge } = await withApp(t)
    const token = await challenge()
    const code = codeAt(seed, now())
    const forms = [
      ` ${code}`,
      `${code} `,
      `${code}\n`,
      `${code.slice(0, 3)} ${code.slice(3)}`,
      `0${code}`,
      code.slice(1),
      [...code].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join(''),
      '',
    ]
    for (const form of forms) {
      const reply = await prove(locket, { challenge: token, factor: { kind: 'totp', code: form } })
      assert.equal(reply.body.code, 'invalid_input', JSON.stringify(form))
    }
    assert.equal(
      (await prove(locket, { challenge: token, factor: { kind: 'totp', code } })).status,
      201,
    )
  })

  test('counts once, in no other step again, also after a restart [V6.5.1] [V6.5.5]', async (t) => {
    const { locket, seed, now, pass, challenge } = await withApp(t)
    const used = totpProof(seed, now())
    const early = totpProof(seed, now() - totpStep_ms)
    const next = totpProof(seed, now() + totpStep_ms)
    assert.equal((await prove(locket, { challenge: await challenge(), factor: used })).status, 201)
    assert.equal((await prove(locket, { challenge: await challenge(), factor: used })).status, 401)
    await locket.restart()
    assert.equal((await prove(locket, { challenge: await challenge(), factor: used })).status, 401)
    assert.equal(
      (await prove(locket, { challenge: await challenge(), factor: early })).status,
      401,
      'nor one before it',
    )
    assert.equal(
      (await prove(locket, { challenge: await challenge(), factor: next })).status,
      201,
      'a clock may be ahead',
    )
    pass(totpStep_ms)
    assert.equal((await prove(locket, { challenge: await challenge(), factor: next })).status, 401)
    pass(3 * totpStep_ms)
    const old = totpProof(seed, now() - 2 * totpStep_ms)
    assert.equal(
      (await prove(locket, { challenge: await challenge(), factor: old })).status,
      401,
      'a minute old',
    )
  })

  test('counts again when the clock has gone back, but none that was used', async (t) => {
    const { locket, seed, now, pass, challenge } = await withApp(t)
    const here = totpProof(seed, now())
    assert.equal((await prove(locket, { challenge: await challenge(), factor: here })).status, 201)
    pass(1_000 * hour_ms)
    const ahead = totpProof(seed, now())
    assert.equal((await prove(locket, { challenge: await challenge(), factor: ahead })).status, 201)
    pass(-1_000 * hour_ms)
    assert.equal(
      (await prove(locket, { challenge: await challenge(), factor: here })).status,
      401,
      'used before the jump',
    )
    pass(totpStep_ms)
    const after = totpProof(seed, now())
    assert.equal(
      (await prove(locket, { challenge: await challenge(), factor: after })).status,
      201,
      'not locked out',
    )
    pass(1_000 * hour_ms - totpStep_ms)
    assert.equal(
      (await prove(locket, { challenge: await challenge(), factor: ahead })).status,
      401,
      'used in the future',
    )
  })
})

describe('tries', () => {
  test('a challenge has five, then the right code is as wrong', async (t) => {
    const { locket, seed, now, challenge } = await withApp(t)
    const token = await challenge()
    const told = new Set<string>()
    for (let at = 0; at < limits.challenge_tries_max; at += 1) {
      const { status: code, body } = await prove(locket, { challenge: token, factor: wrong })
      told.add(JSON.stringify([code, { ...body, requestId: '' }]))
    }
    const { status: code, body } = await prove(locket, {
      challenge: token,
      factor: totpProof(seed, now()),
    })
    told.add(JSON.stringify([code, { ...body, requestId: '' }]))
    const never = await prove(locket, { challenge: token.replace(/.$/, 'x'), factor: wrong })
    told.add(JSON.stringify([never.status, { ...never.body, requestId: '' }]))
    assert.equal(told.size, 1, 'and all of it is told alike')
    assert.equal(
      (await prove(locket, { challenge: await challenge(), factor: totpProof(seed, now()) }))
        .status,
      201,
    )
  })

  test('count for the account like wrong passwords, and a right one ends them [V6.3.1]', async (t) => {
    const { locket, seed, now, challenge } = await withApp(t)
    const codes: number[] = []
    for (let at = 0; at < 2; at += 1) {
      const token = await challenge()
      for (let tries = 0; tries < 4; tries += 1) {
        codes.push((await prove(locket, { challenge: token, factor: wrong })).status)
      }
    }
    assert.ok(codes.every((one) => one === 401))
    assert.equal((await knock(locket)).status, 401, 'two passwords and eight codes: ten')
    const address = '192.0.2.1'
    const elsewhere = (await knock(locket, {}, { address })).body.challenge
    assert.equal(
      (await prove(locket, { challenge: elsewhere, factor: totpProof(seed, now()) }, { address }))
        .status,
      201,
    )
    assert.equal((await knock(locket, {}, { address })).status, 201)
  })

  test('a hundred people of one address may sign in with a factor', async (t) => {
    const { locket, seed, now, pass } = await withApp(t)
    for (let at = 0; at < 60; at += 1) {
      const token = (await knock(locket)).body.challenge
      assert.equal(
        (await prove(locket, { challenge: token, factor: totpProof(seed, now()) })).status,
        201,
        `${at}`,
      )
      pass(totpStep_ms)
    }
  })

  test('of a hundred at once with the same code one is right [V15.4.2]', async (t) => {
    for (const kind of ['totp', 'recovery-code']) {
      // Another person each time: so many tries lock an account.
      const { locket, seed, now, browser } = await withApp(t)
      const made = await browser.send('POST', '/v1/factors/recovery-codes', {})
      const [code] = made.body.codes
      const factor = kind === 'totp' ? totpProof(seed, now()) : { kind, code }
      const challenges = await Promise.all(
        Array.from({ length: limits.challenges_perPrincipal_max }, async (_, at) => {
          return (await knock(locket, {}, { address: `192.0.2.${at}` })).body.challenge as string
        }),
      )
      const replies = await Promise.all(
        Array.from({ length: 100 }, (_, at) => {
          const challenge = challenges[at % challenges.length] ?? ''
          return prove(locket, { challenge, factor }, { address: `198.51.100.${at}` })
        }),
      )
      const told = Object.groupBy(replies, (reply) => String(reply.status))
      assert.deepEqual([told['201']?.length, told['401']?.length], [1, 99])
    }
  })

  test('a hundred wrong ones at once are five [V15.4.2]', async (t) => {
    const { locket, challenge } = await withApp(t)
    const token = await challenge()
    const address = (at: number) => ({ address: `198.51.100.${at}` })
    await Promise.all(
      Array.from({ length: 100 }, (_, at) =>
        prove(locket, { challenge: token, factor: wrong }, address(at)),
      ),
    )
    const [row] = await locket.sql("select tries from sign_ins where state = 'pending'")
    assert.equal(Number(row?.['tries']), limits.challenge_tries_max)
  })
})

test('who has a factor confirms with both, and is not told which was wrong [V7.5.3]', async (t) => {
  const { seed, now, browser } = await withApp(t)
  const confirm = (body: object) => browser.send('POST', '/v1/sign-ins/current/confirm', body)
  assert.equal((await confirm({ password })).body.code, 'factor_required')
  const factor = totpProof(seed, now())
  const refused = [
    await confirm({ password: 'wrong', factor }),
    await confirm({ password, factor: wrong }),
  ].map(({ status: code, body }) => [code, { ...body, requestId: '' }])
  assert.deepEqual(refused[0], refused[1])
  assert.equal((await confirm({ password: 'wrong', factor })).body.code, 'wrong_factor')
  const confirmed = await confirm({ password, factor })
  assert.equal(confirmed.status, 200)
  assert.notEqual(confirmed.headers.get('set-cookie')?.split(';')[0], browser.cookie)
  assert.equal(await status(browser), 401)
})

test('each step and each outcome is an event with its factor [V16.3.1] [V6.3.5]', async (t) => {
  const { locket, seed, now, challenge, principalId } = await withApp(t)
  const before = (await eventsAfter(locket, '')).at(-1)?.id ?? ''
  const token = await challenge()
  await prove(locket, { challenge: token, factor: wrong })
  await prove(locket, { challenge: token, factor: totpProof(seed, now()) })
  const seen = (await eventsAfter(locket, before)).map(({ action, outcome, actor }) => {
    return [action, outcome, actor === principalId]
  })
  assert.deepEqual(seen, [
    ['sign-in.challenged', 'allowed', true],
    ['sign-in.created', 'denied', true],
    ['sign-in.created', 'allowed', true],
  ])
  const path = '/v1/audit-events?limit=3'
  const { items } = (await locket.call('GET', path)).body
  const details = items.flatMap(({ action, details: one }: { action: string; details: object }) =>
    action.startsWith('sign-in.') ? [one] : [],
  )
  assert.deepEqual(details, [
    { factor: 'totp', changes: [{ newNetwork: false, failedTries: 1 }] },
    { factor: 'totp', reason: 'wrong-factor' },
    { factor: 'password' },
  ])
})
