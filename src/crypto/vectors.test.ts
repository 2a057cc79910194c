/**
 * Published vectors. What is ours in what they run through: `encrypt` and `decrypt` (the cipher's
 * name, the length of the tag, the order of calls), `derive` (HKDF's hash, no salt), `signingKey`
 * and `verifyingKey` (the DER around raw keys). The arithmetic is that of OpenSSL in node:crypto.
 */
import assert from 'node:assert/strict'
import { createSecretKey, hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import gcm from '../../test/vectors/aes-256-gcm.json' with { type: 'json' }
import ed25519 from '../../test/vectors/ed25519.json' with { type: 'json' }
import hkdf from '../../test/vectors/hkdf-sha256.json' with { type: 'json' }
import { decrypt, derive, encrypt } from './aead.ts'
import { signingKey, verifyingKey } from './signing-key.ts'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

interface GcmCase {
  readonly key: string
  readonly nonce: string
  readonly aad: string
  readonly plaintext: string
  readonly ciphertext: string
  readonly tag: string
}

function decryptCase(each: GcmCase): string | undefined {
  const input = { ciphertext: hex(each.ciphertext), tag: hex(each.tag), aad: hex(each.aad) }
  return decrypt(createSecretKey(hex(each.key)), hex(each.nonce), input)?.toString('hex')
}

function checkGcm(each: GcmCase, name: string): void {
  const input = { plaintext: hex(each.plaintext), aad: hex(each.aad) }
  const made = encrypt(createSecretKey(hex(each.key)), hex(each.nonce), input)
  assert.equal(made.ciphertext.toString('hex'), each.ciphertext, name)
  assert.equal(made.tag.toString('hex'), each.tag, name)
  assert.equal(decryptCase(each), each.plaintext, name)
}

interface HkdfCase {
  readonly ikm: string
  readonly salt: string
  readonly info: string
  readonly okm: string
}

/** Through `derive` where the vector has no salt and a label that is text, else through node:crypto. */
function hkdfOf(each: HkdfCase, length: number): string {
  const [ikm, salt, info] = [hex(each.ikm), hex(each.salt), hex(each.info)]
  const label = info.toString('latin1')
  const isOurs = salt.length === 0 && /^[ -~]*$/.test(label)
  if (isOurs) return derive(ikm, label, length).toString('hex')
  return Buffer.from(hkdfSync('sha256', ikm, salt, info, length)).toString('hex')
}

describe('published in the standards [trap-obsolete-ciphers]', () => {
  for (const each of gcm.tests) {
    test(`AES-256-GCM, ${each.name}`, () => {
      checkGcm(each, each.name)
      const tag = hex(each.tag)
      tag[15] = (tag[15] ?? 0) ^ 1
      assert.equal(decryptCase({ ...each, tag: tag.toString('hex') }), undefined)
    })
  }

  for (const each of hkdf.tests) {
    test(`HKDF-SHA-256, RFC 5869 ${each.name}`, () => {
      assert.equal(hkdfOf(each, each.okm.length / 2), each.okm)
    })
  }

  for (const each of ed25519.tests) {
    test(`Ed25519, RFC 8032 ${each.name}`, () => {
      const key = signingKey(hex(each.seed))
      const [message, signature] = [hex(each.message), hex(each.signature)]
      assert.equal(key.publicKey.toString('hex'), each.publicKey)
      assert.equal(key.sign(message).toString('hex'), each.signature)
      assert.ok(key.verifies(message, signature))
      const reader = verifyingKey(hex(each.publicKey))
      assert.ok(reader.verifies(message, signature))
      assert.ok(!reader.verifies(Buffer.concat([message, Buffer.of(0)]), signature))
    })
  }
})

interface Case {
  readonly tcId: number
  readonly result: 'valid' | 'invalid' | 'acceptable'
}

interface GcmGroup {
  readonly keySize: number
  readonly ivSize: number
  readonly tagSize: number
  readonly tests: readonly (Case & Record<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag', string>)[]
}

interface HkdfGroup {
  readonly tests: readonly (Case & HkdfCase & { readonly size: number })[]
}

interface Ed25519Group {
  readonly publicKey: { readonly pk: string }
  readonly tests: readonly (Case & Record<'msg' | 'sig', string>)[]
}

const folder = process.env['LOCKET_TEST_VECTORS']

function groupsOf<Group>(name: string): readonly Group[] {
  const text = readFileSync(join(folder ?? '', `wycheproof-${name}_test.json`), 'utf8')
  return (JSON.parse(text) as { testGroups: Group[] }).testGroups
}

function wycheproofGcm(): void {
  const isOurs = (group: GcmGroup): boolean =>
    group.keySize === 256 && group.ivSize === 96 && group.tagSize === 128
  const cases = groupsOf<GcmGroup>('aes_gcm')
    .filter(isOurs)
    .flatMap((group) => group.tests)
  assert.ok(cases.length > 50)
  for (const each of cases) {
    const vector = { ...each, nonce: each.iv, plaintext: each.msg, ciphertext: each.ct }
    if (each.result === 'valid') checkGcm(vector, `tcId ${each.tcId}`)
    else assert.equal(decryptCase(vector), undefined, `tcId ${each.tcId}`)
  }
}

function wycheproofHkdf(): void {
  const cases = groupsOf<HkdfGroup>('hkdf_sha256').flatMap((group) => group.tests)
  assert.ok(cases.length > 50)
  for (const each of cases) {
    if (each.result === 'valid')
      assert.equal(hkdfOf(each, each.size), each.okm, `tcId ${each.tcId}`)
    else assert.throws(() => hkdfOf(each, each.size), `tcId ${each.tcId}`)
  }
}

function wycheproofEd25519(): void {
  const groups = groupsOf<Ed25519Group>('ed25519')
  assert.ok(groups.flatMap((group) => group.tests).length > 100)
  for (const group of groups) {
    const key = verifyingKey(hex(group.publicKey.pk))
    for (const each of group.tests) {
      const verdict = key.verifies(hex(each.msg), hex(each.sig))
      assert.equal(verdict, each.result === 'valid', `tcId ${each.tcId}`)
    }
  }
}

const skip = folder ? false : 'LOCKET_TEST_VECTORS does not name a folder of Wycheproof vectors'

test('Wycheproof: AES-256-GCM with our sizes, all of HKDF-SHA-256 and Ed25519', { skip }, () => {
  wycheproofGcm()
  wycheproofHkdf()
  wycheproofEd25519()
})
