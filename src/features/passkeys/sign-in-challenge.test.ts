/** Challenges that anybody may ask for: nothing is kept of them, and an answer counts once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Authenticator, Forgery } from '../../../test/authenticator.ts'
import type { Locket, Reply } from '../../../test/harness.ts'
import { beginAlone, device, enrolPasskey, passkeyProof } from '../../../test/passkeys.ts'
import { person, prove, signIn, timed } from '../../../test/signed-in.ts'
import { instanceTenant } from '../../core/ids.ts'
import { limits } from '../../core/limits.ts'
import { instanceStore } from '../../storage/tenant-store.ts'

const codeOf = ({ status: answered, body }: Reply) => [answered, body.code]
const refused = [401, 'unauthenticated']

/** A passkey of somebody that does not count, so that only the challenge holds off what was shown before. */
async function enrolled(locket: Locket): Promise<Authenticator> {
  await person(locket, 'alice')
  const laptop = device({ countsFrom: 0 })
  await enrolPasskey(locket, await signIn(locket), laptop)
  return laptop
}

test('asking keeps nothing, and an answer is kept until it is over, so that none counts twice', async (t) => {
  const { locket, pass } = await timed(t)
  const laptop = await enrolled(locket)
  const kept = async () => (await locket.sql('select * from passkey_challenges')).length
  const shown = async (forgery?: Forgery) => {
    const { challenge, passkey } = (await beginAlone(locket)).body
    return { challenge, factor: passkeyProof(laptop, passkey, forgery), passkey }
  }
  const { passkey: _, ...early } = await shown()
  await Promise.all(Array.from({ length: 200 }, () => beginAlone(locket)))
  const wrong = await shown({ verified: false })
  const { challenge, factor } = wrong
  assert.deepEqual(codeOf(await prove(locket, { challenge, factor })), refused)
  assert.equal(await kept(), 0, 'neither who asks nor who is wrong has a row made')
  assert.equal((await prove(locket, early)).status, 201, 'none of the others made room of it')
  assert.deepEqual(codeOf(await prove(locket, early)), refused)
  const mended = passkeyProof(laptop, wrong.passkey)
  assert.equal((await prove(locket, { challenge, factor: mended })).status, 201)
  assert.equal(await kept(), 2)
  const { passkey: __, ...late } = await shown()
  pass(limits.passkeyChallenge_life_ms)
  assert.deepEqual(codeOf(await prove(locket, late)), refused)
  assert.deepEqual(codeOf(await prove(locket, early)), refused)
  await locket.app.jobs.runAll()
  assert.equal(await kept(), 2, 'the clock of another node may be behind')
  pass(limits.externalToken_skew_ms_max)
  await locket.app.jobs.runAll()
  assert.equal(await kept(), 0)
})

test('of a hundred answers at once one counts', async (t) => {
  const { locket } = await timed(t)
  const laptop = await enrolled(locket)
  const { challenge, passkey } = (await beginAlone(locket)).body
  const factor = passkeyProof(laptop, passkey)
  const all = Array.from({ length: 100 }, () => prove(locket, { challenge, factor }))
  const codes = (await Promise.all(all)).map(({ status: answered }) => answered)
  assert.equal(codes.filter((code) => code === 201).length, 1)
  assert.equal(codes.filter((code) => code === 401).length, 99)
})

test('a challenge that is altered anywhere, or of another key, is nobody’s', async (t) => {
  const { locket, now } = await timed(t)
  const laptop = await enrolled(locket)
  const { challenge, passkey } = (await beginAlone(locket)).body
  const factor = passkeyProof(laptop, passkey)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(challenge.at(-1))
  // The last character carries four bits: these spell the same MAC.
  const same = [1, 2, 3].map((bits) => challenge.slice(0, -1) + alphabet[last ^ bits])
  const [mark, random, pepper, ends, slug, ...mac] = challenge.split('_')
  const spelled = (change: object) =>
    Object.values({ mark, random, pepper, ends, slug, mac: mac.join('_'), ...change }).join('_')
  const altered = [
    ...same,
    spelled({ mark: 'lkc' }),
    spelled({ random: `${random.slice(1)}A` }),
    spelled({ pepper: `0${pepper}` }),
    spelled({ pepper: 7 }),
    spelled({ pepper: 999_999_999 }),
    spelled({ ends: Number(ends) + 1 }),
    spelled({ ends: `0${ends}` }),
    spelled({ ends: now() + 9e9 }),
    spelled({ slug: 'defaul' }),
    spelled({ slug: '' }),
    spelled({ mac: passkey.challenge }),
    `${challenge}A`,
    ` ${challenge}`,
    challenge.slice(0, -1),
    'lkp_',
  ]
  for (const text of altered) {
    const reply = await prove(locket, { challenge: text, factor })
    assert.deepEqual(codeOf(reply), refused, text)
  }
  assert.equal((await prove(locket, { challenge, factor })).status, 201, 'only that was wrong')
})

test('it outlives a new pepper', async (t) => {
  const { locket } = await timed(t)
  const laptop = await enrolled(locket)
  const { challenge, passkey } = (await beginAlone(locket)).body
  await locket.instance.database.write(
    (tx) => instanceStore(tx, locket.instance.keys).rotateKey('pepper'),
    'full',
  )
  locket.instance.keys.cache.forget(instanceTenant, 'pepper')
  const factor = passkeyProof(laptop, passkey)
  assert.equal((await prove(locket, { challenge, factor })).status, 201)
  const newer = (await beginAlone(locket)).body
  assert.match(newer.challenge, /^lkp_\w{43}_2_/)
  const again = passkeyProof(laptop, newer.passkey)
  assert.equal((await prove(locket, { challenge: newer.challenge, factor: again })).status, 201)
})
