/**
 * AWS Secrets Manager: `GetSecretValue`, signed with Signature Version 4
 * (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html). The
 * signature is made by `aws4fetch`, the call by our own gate.
 */
import { AwsV4Signer } from 'aws4fetch'
import { parseJson } from '../core/json.ts'
import type { Log } from '../core/log.ts'
import type { AwsCredentials } from './aws-role.ts'
import type { AwsReference } from './reference.ts'
import { SecretError } from './secret-error.ts'
import { askSecretServer, partOf, type Reply, refusalOf, type SecretServer } from './server.ts'

export interface AwsSettings extends SecretServer {
  readonly region: string
  /** Asked for each call: they may be lent, and then end. */
  readonly credentials: (log: () => Log) => () => Promise<AwsCredentials>
}

export type AwsReader = (reference: AwsReference) => Promise<string>

const service = 'secretsmanager'

export function createAwsReader(aws: AwsSettings, log: () => Log): AwsReader {
  const credentials = aws.credentials(log)
  return async ({ name, key }) => {
    const request = await signed(aws, await credentials(), JSON.stringify({ SecretId: name }))
    const reply = await askSecretServer(aws, request, log())
    if (reply.status !== 200) throw refused(reply)
    const text = partOf(reply.value, 'SecretString')
    if (typeof text !== 'string') throw new SecretError('invalid_answer')
    return key === null ? text : keyOf(text, key)
  }
}

async function signed(
  aws: AwsSettings,
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
  body: string,
): Promise<Request> {
  const signer = new AwsV4Signer({
    method: 'POST',
    url: `${aws.url}/`,
    headers: {
      'Content-Type': 'application/x-amz-json-1.1',
      'X-Amz-Target': `${service}.GetSecretValue`,
    },
    body,
    service,
    region: aws.region,
    accessKeyId: plain(accessKeyId),
    secretAccessKey: plain(secretAccessKey),
    ...(sessionToken !== null && { sessionToken: plain(sessionToken) }),
  })
  const { url, method, headers } = await signer.sign()
  return new Request(url, { method, headers, body })
}

/** What could not stand in a header would end in an error that quotes it. */
function plain(credential: string): string {
  if (!/^[\x21-\x7e]{1,8192}$/.test(credential)) throw new SecretError('refused', 'no credentials')
  return credential
}

/** Its errors have the status 400, and say in the body what they are. */
function refused({ status, value }: Reply): SecretError {
  const type = partOf(value, '__type')
  const code = typeof type === 'string' ? (type.split('#').at(-1) ?? '') : ''
  if (code === 'ResourceNotFoundException') return new SecretError('absent')
  if (code === 'InternalServiceError' || code === 'ThrottlingException') {
    return new SecretError('failed', status)
  }
  return refusalOf(status === 404 ? 400 : status)
}

function keyOf(text: string, key: string): string {
  let value: unknown
  try {
    value = partOf(parseJson(text), key)
  } catch {
    // It is no JSON, so it has no keys.
  }
  if (typeof value !== 'string') throw new SecretError('no_key')
  return value
}
