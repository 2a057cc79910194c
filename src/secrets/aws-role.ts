/**
 * Credentials of a role, which AWS lends for some hours: to whoever can show the token of its service
 * account (AssumeRoleWithWebIdentity of STS), to a container (ECS, Pod Identity of EKS), to a machine
 * (IMDSv2 of EC2). Each is a call or three of plain HTTP, documented by AWS:
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
import { type Clock, systemClock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../core/log.ts'
import { SecretError } from './secret-error.ts'
import { readSecretFile } from './secret-file.ts'
import { askSecretServer, partOf, type Reply, refusalOf } from './server.ts'

/** Where credentials are lent, as AWS says it in the environment of whom it starts. */
export type AwsRole =
  | {
      readonly kind: 'web-identity'
      /** Of STS. */
      readonly url: string
      readonly roleArn: string
      readonly sessionName: string
      readonly tokenFile: string
    }
  | {
      readonly kind: 'container'
      readonly url: string
      /** What to say there: in a file, which is read each time, or as it is; null: nothing. */
      readonly authorization: { readonly file: string } | { readonly text: string } | null
    }
  | { readonly kind: 'instance'; readonly url: string }
  /** Nothing is lent, for this reason. */
  | { readonly kind: 'none'; readonly reason: string }

export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Null: they are not lent. */
  readonly sessionToken: string | null
}

interface Lent {
  readonly credentials: AwsCredentials
  readonly until_ms: number
}

/**
 * Keeps what was lent until shortly before it ends, then asks anew; what still counts is used while
 * nobody answers. Rejects with `SecretError`.
 */
export function roleCredentials(
  role: AwsRole,
  log: () => Log,
  clock: Clock = systemClock,
): () => Promise<AwsCredentials> {
  let lent: Lent | null = null
  let asking: Promise<Lent> | null = null

  const ask = (): Promise<Lent> => {
    asking ??= borrow(role, log()).finally(() => {
      asking = null
    })
    return asking
  }

  return async () => {
    const left_ms = lent === null ? 0 : lent.until_ms - clock()
    if (lent !== null && left_ms > limits.awsCredentials_ahead_ms) return lent.credentials
    try {
      lent = await ask()
    } catch (thrown) {
      if (lent === null || left_ms <= 0) throw thrown
      const reason = thrown instanceof SecretError ? thrown.message : 'unexpected'
      log().warn(
        { role: role.kind, reason },
        'credentials of AWS are not lent anew; the last count',
      )
    }
    return lent.credentials
  }
}

async function borrow(role: AwsRole, log: Log): Promise<Lent> {
  switch (role.kind) {
    case 'none':
      throw new SecretError('refused', role.reason)
    case 'web-identity':
      return byWebIdentity(role, log)
    case 'container':
      return byContainer(role, log)
    case 'instance':
      return byInstance(role, log)
  }
}

type Of<Kind extends AwsRole['kind']> = Extract<AwsRole, { readonly kind: Kind }>

/**
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html. The token in
 * the body is all that is shown, so nothing is signed. STS answers in XML.
 */
async function byWebIdentity(role: Of<'web-identity'>, log: Log): Promise<Lent> {
  const body = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role.roleArn,
    RoleSessionName: role.sessionName,
    WebIdentityToken: await readSecretFile(role.tokenFile),
  })
  const request = new Request(`${role.url}/`, { method: 'POST', body })
  const reply = await askSecretServer({ url: role.url, ca: null }, request, log)
  if (reply.status !== 200) throw stsRefusal(reply)
  const [, given = ''] = /<Credentials>([\s\S]*?)<\/Credentials>/.exec(reply.text) ?? []
  const member = (name: string): unknown =>
    new RegExp(`<${name}>([^<&]+)</${name}>`).exec(given)?.[1]
  return lentBy((name) => member(name === 'Token' ? 'SessionToken' : name))
}

/** An error that another try may mend has the status of one that none can. */
function stsRefusal({ status, text }: Reply): SecretError {
  const isPassing = /<Code>(?:Throttling|IDPCommunicationError)<\/Code>/.test(text)
  return isPassing ? new SecretError('failed', status) : refusalOf(status === 404 ? 400 : status)
}

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
async function byContainer({ url, authorization }: Of<'container'>, log: Log): Promise<Lent> {
  const shown = authorization && (await shownBy(authorization))
  const request = new Request(url, { headers: shown === null ? {} : { Authorization: shown } })
  const reply = await askSecretServer(lender(url), request, log)
  if (reply.status !== 200) throw refusalOf(reply.status === 404 ? 400 : reply.status)
  return lentBy((name) => partOf(reply.value, name))
}

async function shownBy(where: { file: string } | { text: string }): Promise<string> {
  const text = 'file' in where ? await readSecretFile(where.file) : where.text
  // What could not stand in a header would end in an error that quotes it.
  if (!/^[\x20-\x7e]{1,16384}$/.test(text)) throw new SecretError('refused', 'no authorization')
  return text
}

/**
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html. The second
 * version alone: a token is asked for by PUT, which nobody can have us do by a URL.
 */
async function byInstance({ url }: Of<'instance'>, log: Log): Promise<Lent> {
  const ask = async (path: string, init: RequestInit): Promise<Reply> => {
    const request = new Request(`${url}/latest/${path}`, init)
    const reply = await askSecretServer(lender(url), request, log)
    if (reply.status === 200) return reply
    // There is no role, or nobody may ask.
    throw refusalOf(reply.status === 404 ? 403 : reply.status)
  }
  const life = { 'X-aws-ec2-metadata-token-ttl-seconds': '300' }
  const { text: token } = await ask('api/token', { method: 'PUT', headers: life })
  if (!/^[\x21-\x7e]{1,4096}$/.test(token)) throw new SecretError('invalid_answer')
  const headers = { 'X-aws-ec2-metadata-token': token }
  const place = 'meta-data/iam/security-credentials/'
  const [name = ''] = (await ask(place, { headers })).text.split('\n')
  if (!/^[\w+=,.@-]{1,128}$/.test(name)) throw new SecretError('invalid_answer')
  const { value } = await ask(place + name, { headers })
  if (partOf(value, 'Code') !== 'Success') throw new SecretError('failed')
  return lentBy((part) => partOf(value, part))
}

/** An address of this machine's own network, which is opened for exactly this. */
function lender(url: string): Parameters<typeof askSecretServer>[0] {
  return { url, ca: null, lendsCredentials: true }
}

function lentBy(member: (name: string) => unknown): Lent {
  const text = (name: string): string => {
    const found = member(name)
    if (typeof found !== 'string' || found === '') throw new SecretError('invalid_answer')
    return found
  }
  const until_ms = Date.parse(text('Expiration'))
  if (Number.isNaN(until_ms)) throw new SecretError('invalid_answer')
  const credentials = {
    accessKeyId: text('AccessKeyId'),
    secretAccessKey: text('SecretAccessKey'),
    sessionToken: text('Token'),
  }
  return { credentials, until_ms }
}
