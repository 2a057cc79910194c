/** AWS Secrets Manager, of which a stand-in has the shape; and the signature by AWS's own example. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { AwsV4Signer } from 'aws4fetch'
import { reference } from '../../test/secret.ts'
import { startSecretServer } from '../../test/secret-server.ts'
import { createLog } from '../core/log.ts'
import { type AwsReader, type AwsSettings, createAwsReader } from './aws.ts'
import type { AwsCredentials } from './aws-role.ts'
import type { AwsReference } from './reference.ts'

const canary = 'canary-51bd'
const whole = reference('aws-sm://prod/locket') as AwsReference
const part = reference('aws-sm://prod/locket#db') as AwsReference
const credentials = {
  accessKeyId: 'AKIDTEST',
  secretAccessKey: `${canary}-key`,
  sessionToken: null,
}

const server = await startSecretServer({ after })

interface Scene {
  readonly read: AwsReader
  readonly logged: () => string
  readonly answering: (answer: unknown, others?: object) => Promise<void>
}

function scene(shown: Partial<AwsCredentials> = {}): Scene {
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => void lines.push(line) })
  const settings: AwsSettings = {
    url: server.url,
    ca: null,
    region: 'eu-central-1',
    credentials: () => async () => ({ ...credentials, ...shown }),
  }
  return {
    read: createAwsReader(settings, () => log),
    logged: () => lines.join(''),
    answering: (answer, others = {}) => {
      return server.behave({
        aws: { ...credentials, answers: { 'prod/locket': answer } },
        ...others,
      })
    },
  }
}

test('the signature is that of AWS’s own example', async () => {
  // "get-vanilla" of the Signature Version 4 test suite.
  const signer = new AwsV4Signer({
    url: 'https://example.amazonaws.com/',
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    service: 'service',
    region: 'us-east-1',
    datetime: '20150830T123600Z',
  })
  const { headers } = await signer.sign()
  assert.equal(
    headers.get('authorization'),
    'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ' +
      'SignedHeaders=host;x-amz-date, ' +
      'Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  )
})

describe('a secret', () => {
  test('[V13.3.1] is read as a whole, or by a key of the JSON that it is', async () => {
    const { read, answering } = scene()
    await answering({ SecretString: '{"db":"geheim","n":5}' })
    assert.equal(await read(whole), '{"db":"geheim","n":5}')
    assert.equal(await read(part), 'geheim')
  })

  test('is asked for with temporary credentials, too', async () => {
    const { read } = scene({ sessionToken: 'session' })
    const answers = { 'prod/locket': { SecretString: 'geheim' } }
    await server.behave({ aws: { ...credentials, sessionToken: 'session', answers } })
    assert.equal(await read(whole), 'geheim')
    await server.behave({ aws: { ...credentials, sessionToken: 'other', answers } })
    await assert.rejects(read(whole), { message: 'the server refuses us (400)' })
  })
})

describe('what is wrong is told without a word of the answer', () => {
  const noKey = 'there is no such key in it, or its value is no text'
  const cases: Readonly<Record<string, readonly [AwsReference, unknown, string, object?]>> = {
    'a secret that is not there': [whole, null, 'there is none there'],
    'one that is bytes': [whole, { SecretBinary: 'AAEC' }, 'the answer is not what was asked for'],
    'a key that is not there': [part, { SecretString: `{"other":"${canary}"}` }, noKey],
    'a key of what is no JSON': [part, { SecretString: canary }, noKey],
    'a key whose value is no text': [part, { SecretString: '{"db":{}}' }, noKey],
    'a server that fails': [whole, {}, 'the server failed (500)', { status: 500 }],
    'too many questions': [
      whole,
      {},
      'the server failed (400)',
      { status: 400, body: '{"__type":"ThrottlingException"}' },
    ],
    'an answer that is no JSON': [
      whole,
      {},
      'the answer is not what was asked for',
      { body: `<html>${canary}` },
    ],
  }
  for (const [name, [where, answer, message, others]] of Object.entries(cases)) {
    test(name, async () => {
      const { read, answering, logged } = scene()
      await answering(answer, others)
      await assert.rejects(read(where), { message })
      assert.ok(!logged().includes(canary))
    })
  }

  test('a key that is not the right one', async () => {
    const { read, answering, logged } = scene({ secretAccessKey: 'wrong' })
    await answering({ SecretString: canary })
    await assert.rejects(read(whole), { message: 'the server refuses us (400)' })
    assert.ok(!logged().includes(canary))
  })

  test('credentials that would break a header are quoted nowhere', async () => {
    const { read, logged } = scene({ accessKeyId: `${canary}\n` })
    await assert.rejects(read(whole), (error: Error) => !error.message.includes(canary))
    assert.ok(!logged().includes(canary))
  })
})
