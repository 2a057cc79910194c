/**
 * A browser and an authenticator for tests, written from Web Authentication Level 3 (W3C) and CTAP's CBOR
 * (RFC 8949), with nothing of what the server checks by. It makes real keys and signatures; and, told so, answers that
 * no honest one would give.
 */
import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign as signBytes,
} from 'node:crypto'

export type Algorithm = 'ES256' | 'EdDSA' | 'RS256'

/** What of an answer is not as it should be; each is as it should be when left out. */
export interface Forgery {
  readonly origin?: string
  /** The domain whose hash the authenticator signs. */
  readonly rpId?: string
  readonly challenge?: string
  readonly type?: string
  readonly crossOrigin?: unknown
  readonly topOrigin?: string
  readonly present?: boolean
  readonly verified?: boolean
  readonly backupEligible?: boolean
  readonly backedUp?: boolean
  readonly counter?: number
  /** Who signs instead of the passkey. */
  readonly key?: KeyObject
  readonly userHandle?: string | null
  /** The id that the answer says that it is of. */
  readonly id?: string
  /** The client data as it is sent and signed: bytes that are what they are. */
  readonly clientData?: string
  readonly attestation?: { readonly fmt: string; readonly statement: Cbor }
  /** One that is there already, as if it had been made. */
  readonly credential?: Credential
  /** Instead of the key that was made. */
  readonly coseKey?: Cbor
}

/** One key for one account of one site. */
export interface Credential {
  readonly id: string
  readonly rpId: string
  readonly userHandle: string
  readonly algorithm: Algorithm
  readonly privateKey: KeyObject
  readonly backupEligible: boolean
  backedUp: boolean
  counter: number
}

export interface CreationOptions {
  readonly challenge: string
  readonly rp: { readonly id: string }
  readonly user: { readonly id: string }
  readonly pubKeyCredParams: readonly { readonly alg: number }[]
  readonly excludeCredentials: readonly { readonly id: string }[]
}

export interface RequestOptions {
  readonly challenge: string
  readonly rpId: string
  readonly allowCredentials?: readonly { readonly id: string }[]
}

export interface Authenticator {
  readonly credentials: readonly Credential[]
  /** `navigator.credentials.create()` and `toJSON()`. Throws for one that it has already. */
  create(options: CreationOptions, forgery?: Forgery): CreationAnswer
  /** `navigator.credentials.get()` and `toJSON()`. Throws where it has none that will do. */
  get(options: RequestOptions, forgery?: Forgery): RequestAnswer
}

export interface AuthenticatorKind {
  /** The origin of the page that asks. */
  readonly origin: string
  readonly algorithm?: Algorithm
  /** 0, if it does not count. */
  readonly countsFrom?: number
  /** Its passkeys are copied to other devices. */
  readonly synced?: boolean
  /** It signs what it has made by the passkey itself: section 8.2, "self attestation". */
  readonly attests?: boolean
}

type CreationAnswer = ReturnType<typeof creationAnswer>
type RequestAnswer = ReturnType<typeof requestAnswer>

const algorithms: Record<Algorithm, number> = { ES256: -7, EdDSA: -8, RS256: -257 }
const aaguid = Buffer.alloc(16)

export function newAuthenticator(kind: AuthenticatorKind): Authenticator {
  const { origin, algorithm = 'ES256', countsFrom = 1, synced = false, attests = false } = kind
  const credentials: Credential[] = []
  return {
    credentials,
    create: (options, forgery = {}) => {
      if (options.excludeCredentials.some(({ id }) => credentials.some((one) => one.id === id))) {
        throw new Error('InvalidStateError: it is here already')
      }
      if (!options.pubKeyCredParams.some(({ alg }) => alg === algorithms[algorithm])) {
        throw new Error('NotSupportedError: no algorithm in common')
      }
      const { privateKey, publicKey } = newKeys(algorithm)
      const credential: Credential = {
        id: forgery.credential?.id ?? randomBytes(32).toString('base64url'),
        rpId: options.rp.id,
        userHandle: options.user.id,
        algorithm,
        privateKey,
        backupEligible: synced,
        backedUp: synced,
        counter: countsFrom,
      }
      credentials.push(credential)
      return creationAnswer(credential, publicKey, { origin, options, forgery, attests })
    },
    get: (options, forgery = {}) => {
      const allowed = options.allowCredentials
      const credential = credentials.findLast(
        ({ id, rpId }) =>
          rpId === options.rpId && (!allowed?.length || allowed.some((one) => one.id === id)),
      )
      if (!credential) throw new Error('NotAllowedError: none that will do')
      if (countsFrom > 0) credential.counter += 1
      return requestAnswer(credential, { origin, challenge: options.challenge, forgery })
    },
  }
}

interface Asked {
  readonly origin: string
  readonly challenge: string
  readonly forgery: Forgery
}

function creationAnswer(
  credential: Credential,
  publicKey: KeyObject,
  asked: { origin: string; options: CreationOptions; forgery: Forgery; attests: boolean },
) {
  const { origin, options, forgery, attests } = asked
  const { challenge } = options
  const clientDataJSON = clientData('webauthn.create', { origin, challenge, forgery })
  const id = Buffer.from(credential.id, 'base64url')
  const length = Buffer.alloc(2)
  length.writeUInt16BE(id.length)
  const key = cbor(forgery.coseKey ?? coseKey(credential.algorithm, publicKey))
  const attested = Buffer.concat([aaguid, length, id, key])
  const authData = Buffer.concat([head(credential, forgery, 0x40), attested])
  const own = attests ? selfAttested(credential, { authData, clientDataJSON, forgery }) : none
  const { fmt, statement } = forgery.attestation ?? own
  const attestationObject = cbor(
    new Map<Cbor, Cbor>([
      ['fmt', fmt],
      ['attStmt', statement],
      ['authData', authData],
    ]),
  )
  return {
    ...common(forgery.id ?? credential.id),
    response: {
      clientDataJSON,
      attestationObject: attestationObject.toString('base64url'),
      authenticatorData: authData.toString('base64url'),
      publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64url'),
      publicKeyAlgorithm: algorithms[credential.algorithm],
      transports: ['internal'],
    },
  }
}

const none = { fmt: 'none', statement: new Map<Cbor, Cbor>() }

function selfAttested(
  credential: Credential,
  made: { authData: Buffer; clientDataJSON: string; forgery: Forgery },
) {
  const { authData, clientDataJSON, forgery } = made
  const hash = sha256(Buffer.from(clientDataJSON, 'base64url'))
  const signature = signed(forgery.key ?? credential.privateKey, Buffer.concat([authData, hash]))
  const statement = new Map<Cbor, Cbor>([
    ['alg', algorithms[credential.algorithm]],
    ['sig', signature],
  ])
  return { fmt: 'packed', statement }
}

function requestAnswer(credential: Credential, asked: Asked) {
  const { forgery } = asked
  const clientDataJSON = clientData('webauthn.get', asked)
  const authenticatorData = head(credential, forgery, 0)
  const hash = sha256(Buffer.from(clientDataJSON, 'base64url'))
  const key = forgery.key ?? credential.privateKey
  const { userHandle = credential.userHandle } = forgery
  return {
    ...common(forgery.id ?? credential.id),
    response: {
      clientDataJSON,
      authenticatorData: authenticatorData.toString('base64url'),
      signature: signed(key, Buffer.concat([authenticatorData, hash])).toString('base64url'),
      ...(userHandle !== null && { userHandle }),
    },
  }
}

function common(id: string) {
  return {
    id,
    rawId: id,
    type: 'public-key',
    authenticatorAttachment: 'platform',
    clientExtensionResults: {},
  }
}

/** Section 5.8.1. */
function clientData(type: string, { origin, challenge, forgery }: Asked): string {
  const { crossOrigin = false, topOrigin } = forgery
  const said = {
    type: forgery.type ?? type,
    challenge: forgery.challenge ?? challenge,
    origin: forgery.origin ?? origin,
    crossOrigin,
    ...(topOrigin !== undefined && { topOrigin }),
  }
  return Buffer.from(forgery.clientData ?? JSON.stringify(said)).toString('base64url')
}

/** Section 6.1: hash of the domain, flags, counter. */
function head(credential: Credential, forgery: Forgery, more: number): Buffer {
  const { present = true, verified = true } = forgery
  const { backupEligible = credential.backupEligible, backedUp = credential.backedUp } = forgery
  const bits = [present && 1, verified && 4, backupEligible && 8, backedUp && 16, more]
  const rest = Buffer.alloc(5)
  rest.writeUInt8(bits.reduce<number>((sum, bit) => sum + Number(bit), 0))
  rest.writeUInt32BE(forgery.counter ?? credential.counter, 1)
  return Buffer.concat([sha256(Buffer.from(forgery.rpId ?? credential.rpId)), rest])
}

/** Ed25519 hashes for itself; the signature of P-256 is in DER, as section 6.5.5 has it. */
function signed(key: KeyObject, bytes: Buffer): Buffer {
  return signBytes(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', bytes, key)
}

export function newKeys(algorithm: Algorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519')
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
}

/** RFC 9052, section 7, with the members of RFC 9053 and RFC 8230. */
export function coseKey(algorithm: Algorithm, key: KeyObject): Map<Cbor, Cbor> {
  const { x = '', y = '', n = '', e = '' } = key.export({ format: 'jwk' })
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64url')
  const alg = algorithms[algorithm]
  if (algorithm === 'EdDSA') {
    return new Map<Cbor, Cbor>([
      [1, 1],
      [3, alg],
      [-1, 6],
      [-2, bytes(x)],
    ])
  }
  if (algorithm === 'RS256') {
    return new Map<Cbor, Cbor>([
      [1, 3],
      [3, alg],
      [-1, bytes(n)],
      [-2, bytes(e)],
    ])
  }
  return new Map<Cbor, Cbor>([
    [1, 2],
    [3, alg],
    [-1, 1],
    [-2, bytes(x)],
    [-3, bytes(y)],
  ])
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

export type Cbor = number | string | Uint8Array | readonly Cbor[] | ReadonlyMap<Cbor, Cbor>

/** RFC 8949, section 3: as much of it as Web Authentication needs. */
export function cbor(value: Cbor): Buffer {
  if (typeof value === 'number') return value < 0 ? initial(1, -1 - value) : initial(0, value)
  if (typeof value === 'string') {
    const bytes = Buffer.from(value)
    return Buffer.concat([initial(3, bytes.length), bytes])
  }
  if (value instanceof Uint8Array) return Buffer.concat([initial(2, value.length), value])
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<Cbor, Cbor>)].flat().map(cbor)
    return Buffer.concat([initial(5, entries.length / 2), ...entries])
  }
  const items = [...(value as readonly Cbor[])].map(cbor)
  return Buffer.concat([initial(4, items.length), ...items])
}

function initial(major: number, argument: number): Buffer {
  if (argument < 24) return Buffer.from([(major << 5) | argument])
  if (argument < 0x100) return Buffer.from([(major << 5) | 24, argument])
  return Buffer.from([(major << 5) | 25, argument >> 8, argument & 0xff])
}
