/** What counts as an answer of a passkey, and each way in which one does not. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { before, describe, test } from 'node:test'
import {
  type Algorithm,
  type Authenticator,
  type AuthenticatorKind,
  type Cbor,
  coseKey,
  type Forgery,
  newAuthenticator,
  newKeys,
} from '../../test/authenticator.ts'
import { makeCa } from '../../test/certificates.ts'
import {
  type Assertion,
  checkAssertion,
  checkRegistration,
  faultOfUse,
  type Judged,
  type Passkey,
  type PasskeyUse,
} from './passkey.ts'
import { type PasskeyFault, passkeyAlgorithms } from './passkey-data.ts'

const party = { id: 'locket.example', origin: 'https://locket.example' }
const challenge = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8'
const ceremony = { party, challenges: ['earlier', challenge] }
const creation = {
  challenge,
  rp: { id: party.id },
  user: { id: 'dXNy' },
  pubKeyCredParams: passkeyAlgorithms.map((alg) => ({ alg })),
  excludeCredentials: [],
}
const request = { challenge, rpId: party.id }

const device = (kind: Partial<AuthenticatorKind> = {}): Authenticator =>
  newAuthenticator({ origin: party.origin, ...kind })

function register(authenticator: Authenticator, forgery: Forgery = {}) {
  const { id, response } = authenticator.create(creation, forgery)
  return checkRegistration(ceremony, { ...response, id })
}

async function made(authenticator: Authenticator): Promise<Passkey> {
  const judged = await register(authenticator)
  assert.ok('good' in judged, JSON.stringify(judged))
  return judged.good
}

const shownBy = (authenticator: Authenticator, forgery: Forgery = {}): Assertion => {
  const { id, response } = authenticator.get(request, forgery)
  return { ...response, id }
}

/** Both steps, as whoever asks takes them. */
async function use(passkey: Passkey, shown: Assertion): Promise<Judged<PasskeyUse>> {
  const judged = await checkAssertion(ceremony, passkey, shown)
  if ('fault' in judged) return judged
  const fault = faultOfUse(passkey, judged.good)
  return fault ? { fault } : judged
}

const refusedFor = (fault: PasskeyFault) => ({ fault })

describe('registration', () => {
  for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const satisfies Algorithm[]) {
    test(`${algorithm}: a passkey that was made as we asked is kept as it is, and works`, async () => {
      const authenticator = device({ algorithm })
      const passkey = await made(authenticator)
      const [own] = authenticator.credentials
      assert.equal(passkey.credentialId, own?.id)
      assert.deepEqual(
        { counter: passkey.counter, eligible: passkey.backupEligible, copied: passkey.backedUp },
        { counter: 1, eligible: false, copied: false },
      )
      const used = await use(passkey, shownBy(authenticator))
      const said = { challenge, counter: 2, backupEligible: false, backedUp: false }
      assert.deepEqual(used, { good: said })
    })
  }

  const forgeries: readonly (readonly [string, Forgery, PasskeyFault])[] = [
    ['another page', { origin: 'https://locket.example.evil' }, 'other-origin'],
    ['another port', { origin: 'https://locket.example:8443' }, 'other-origin'],
    ['another scheme', { origin: 'http://locket.example' }, 'other-origin'],
    ['another domain', { rpId: 'example' }, 'other-relying-party'],
    ['another challenge', { challenge: challenge.replace('A', 'B') }, 'other-challenge'],
    ['no challenge', { challenge: '' }, 'other-challenge'],
    ['an answer to signing in', { type: 'webauthn.get' }, 'other-ceremony'],
    ['a frame in a page of another', { crossOrigin: true }, 'cross-origin'],
    ['such a frame, oddly told', { crossOrigin: 'false' }, 'cross-origin'],
    ['a page around the page', { topOrigin: 'https://evil.example' }, 'cross-origin'],
    ['nobody there', { present: false }, 'user-not-verified'],
    ['anybody there', { verified: false }, 'user-not-verified'],
    ['a copy of what has none', { backedUp: true }, 'other-backup'],
    ['another id', { id: randomBytes(32).toString('base64url') }, 'malformed'],
    ['no id', { id: '' }, 'malformed'],
    ['an id that is too long', { id: randomBytes(1024).toString('base64url') }, 'malformed'],
    ['client data that is no JSON', { clientData: '{"type":' }, 'malformed'],
    ['client data that is no object', { clientData: '"webauthn.create"' }, 'malformed'],
    ['client data that says things twice', { clientData: twice() }, 'malformed'],
    ['client data with a byte order mark', { clientData: '\ufeff{}' }, 'malformed'],
    ['an unknown attestation', { attestation: { fmt: 'x', statement: new Map() } }, 'attested'],
    [
      'a statement of none',
      { attestation: { fmt: 'none', statement: new Map([['a', 1]]) } },
      'malformed',
    ],
    ['a statement that is a list', { attestation: { fmt: 'none', statement: [] } }, 'attested'],
  ]
  for (const [name, forgery, fault] of forgeries) {
    test(`refused: ${name}`, async () => {
      assert.deepEqual(await register(device(), forgery), refusedFor(fault))
    })
  }

  const p256 = coseKey('ES256', newKeys('ES256').publicKey)
  const changed = (from: ReadonlyMap<Cbor, Cbor>, ...changes: [Cbor, Cbor][]): Cbor =>
    new Map([...from, ...changes])
  const rsa = coseKey('RS256', newKeys('RS256').publicKey)
  const keys: readonly (readonly [string, Cbor, PasskeyFault])[] = [
    ['an algorithm that we did not ask for', changed(p256, [3, -35]), 'malformed'],
    ['another curve than its algorithm has', changed(p256, [-1, 2]), 'weak-key'],
    ['a key of RSA under the name of another', changed(rsa, [3, -7]), 'weak-key'],
    ['RSA of 1,024 bits', changed(rsa, [-1, randomBytes(128).fill(0xff, 0, 1)]), 'weak-key'],
    ['RSA with zeros before it', changed(rsa, [-1, Buffer.alloc(256, 0)]), 'weak-key'],
    ['RSA with the exponent 1', changed(rsa, [-2, Buffer.from([1])]), 'weak-key'],
    ['RSA that would take long', changed(rsa, [-1, Buffer.alloc(1024, 0xff)]), 'weak-key'],
    ['no key', new Map(), 'malformed'],
    ['a number for a key', 7, 'malformed'],
    ['a point that is cut short', changed(p256, [-3, randomBytes(31)]), 'weak-key'],
    ['a point beside the curve', changed(p256, [-3, Buffer.alloc(32, 1)]), 'weak-key'],
    ['half a point', changed(p256, [-3, 1]), 'weak-key'],
  ]
  for (const [name, key, fault] of keys) {
    test(`refused: ${name}`, async () => {
      assert.deepEqual(await register(device(), { coseKey: key }), refusedFor(fault))
    })
  }

  test('refused: bytes that are cut short, longer, or none at all', async () => {
    const { id, response } = device().create(creation)
    const whole = Buffer.from(response.attestationObject, 'base64url')
    const wrong = [
      ...[0, 1, 20, whole.length - 1].map((end) => whole.subarray(0, end)),
      Buffer.alloc(4096, 0x81),
      Buffer.alloc(4096, 0xbf),
    ].map((bytes) => bytes.toString('base64url'))
    for (const attestationObject of [...wrong, `${response.attestationObject}=`, 'a', '+/']) {
      const judged = await checkRegistration(ceremony, { ...response, id, attestationObject })
      assert.ok('fault' in judged, attestationObject)
    }
  })

  test('who attests for himself is taken, and his signature is checked', async () => {
    const attested = await register(device({ attests: true }))
    assert.ok('good' in attested, JSON.stringify(attested))
    const { privateKey: key } = newKeys('ES256')
    assert.deepEqual(
      await register(device({ attests: true }), { key }),
      refusedFor('wrong-signature'),
    )
  })

  test('nobody is asked about the certificate of an attestation', async (t) => {
    const asked: string[] = []
    const server = createServer((incoming, outgoing) => {
      asked.push(incoming.url ?? '')
      outgoing.end()
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    t.after(() => server.close())
    const crl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/crl`
    const ca = await makeCa('Maker of keys', { crl })
    const pair = await ca.issue({ crl })
    const der = (pem: string): Buffer =>
      Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
    const x5c = [der(pair.cert), der(ca.cert)]
    for (const fmt of ['packed', 'fido-u2f', 'android-key', 'apple', 'tpm']) {
      const statement = new Map<Cbor, Cbor>([
        ['alg', -7],
        ['sig', randomBytes(70)],
        ['x5c', x5c],
      ])
      const judged = await register(device(), { attestation: { fmt, statement } })
      assert.deepEqual(judged, refusedFor('attested'), fmt)
    }
    assert.deepEqual(asked, [])
  })
})

describe('assertion', () => {
  let authenticator: Authenticator
  let passkey: Passkey
  before(async () => {
    authenticator = device()
    passkey = await made(authenticator)
  })

  const forgeries: readonly (readonly [string, Forgery, PasskeyFault])[] = [
    ['another page', { origin: 'https://evil.example' }, 'other-origin'],
    ['another domain', { rpId: 'evil.example' }, 'other-relying-party'],
    ['another challenge', { challenge: randomBytes(32).toString('base64url') }, 'other-challenge'],
    ['an answer to making one', { type: 'webauthn.create' }, 'other-ceremony'],
    ['a frame in a page of another', { crossOrigin: true }, 'cross-origin'],
    ['a page around the page', { crossOrigin: true, topOrigin: party.origin }, 'cross-origin'],
    ['nobody there', { present: false }, 'user-not-verified'],
    ['anybody there', { verified: false }, 'user-not-verified'],
    ['another key', { key: newKeys('ES256').privateKey }, 'wrong-signature'],
    ['a key of another kind', { key: newKeys('EdDSA').privateKey }, 'malformed'],
    ['a passkey that can be copied all at once', { backupEligible: true }, 'other-backup'],
    ['a copy of what has none', { backedUp: true }, 'other-backup'],
    ['another id', { id: randomBytes(32).toString('base64url') }, 'malformed'],
    ['client data that is no JSON', { clientData: 'null' }, 'malformed'],
    ['client data that says things twice', { clientData: twice() }, 'malformed'],
  ]
  for (const [name, forgery, fault] of forgeries) {
    test(`refused: ${name}`, async () => {
      const judged = await use(passkey, shownBy(authenticator, forgery))
      assert.deepEqual(judged, refusedFor(fault))
    })
  }

  test('refused: any byte of what is signed, and of the signature, changed', async () => {
    const shown = shownBy(authenticator)
    for (const part of ['authenticatorData', 'clientDataJSON', 'signature'] as const) {
      const bytes = Buffer.from(shown[part], 'base64url')
      for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
        const bent = Buffer.from(bytes)
        bent.writeUInt8(bent.readUInt8(at) ^ 0x20, at)
        const judged = await use(passkey, {
          ...shown,
          [part]: bent.toString('base64url'),
        })
        assert.ok('fault' in judged, `${part} at ${at}`)
      }
    }
  })

  test('refused: what is no base64url without padding', async () => {
    const shown = shownBy(authenticator)
    for (const part of ['id', 'authenticatorData', 'clientDataJSON', 'signature'] as const) {
      for (const text of [`${shown[part]}=`, ` ${shown[part]}`, '+/', '']) {
        const judged = await use(passkey, { ...shown, [part]: text })
        assert.ok('fault' in judged, `${part}: ${text}`)
      }
    }
  })

  test('a counter that stands still or goes back is told, and only from who has the key', async () => {
    const seen = { ...passkey, counter: 100 }
    const verdict = async (counter: number, forgery: Forgery = {}) =>
      use(seen, shownBy(authenticator, { counter, ...forgery }))
    for (const counter of [0, 1, 99, 100]) {
      assert.deepEqual(await verdict(counter), refusedFor('counter-went-back'))
    }
    const accepted = (counter: number) => ({
      good: { challenge, counter, backupEligible: false, backedUp: false },
    })
    const { privateKey: key } = newKeys('ES256')
    assert.deepEqual(await verdict(5, { key }), refusedFor('wrong-signature'))
    assert.deepEqual(await verdict(101), accepted(101))
    assert.deepEqual(await verdict(2 ** 32 - 1), accepted(2 ** 32 - 1))
  })

  test('one that does not count is taken again and again; one that is copied says so', async () => {
    const phone = device({ countsFrom: 0, synced: true })
    const own = await made(phone)
    assert.deepEqual([own.counter, own.backupEligible, own.backedUp], [0, true, true])
    for (const backedUp of [true, false, true]) {
      const judged = await use(own, shownBy(phone, { backedUp }))
      assert.deepEqual(judged, { good: { challenge, counter: 0, backupEligible: true, backedUp } })
    }
  })
})

function twice(): string {
  return `{"type":"webauthn.get","type":"webauthn.create","challenge":"${challenge}","origin":"${party.origin}","crossOrigin":false}`
}
