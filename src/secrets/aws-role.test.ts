/** Credentials that AWS lends, from stand-ins of what it documents, over real HTTP. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { startPlain } from '../../test/egress.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { minute_ms } from '../core/clock.ts'
import { createLog } from '../core/log.ts'
import { type AwsRole, roleCredentials } from './aws-role.ts'

const start_ms = Date.parse('2026-06-01T00:00:00Z')
const canary = 'canary-77ae'

interface Answer {
  readonly status?: number
  readonly body: string
}

interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

type Standing = (seen: Seen) => Answer

interface Scene {
  readonly url: string
  readonly seen: readonly Seen[]
  readonly credentials: ReturnType<typeof roleCredentials>
  readonly logged: () => string
  now_ms: number
  answer: Standing
}

async function scene(
  t: TestContext,
  role: (url: string) => AwsRole,
  answer: Standing,
): Promise<Scene> {
  const seen: Seen[] = []
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => void lines.push(line) })
  const { port } = await startPlain(
    t,
    async (request: IncomingMessage, response: ServerResponse) => {
      let body = ''
      for await (const piece of request) body += piece
      const { method = '', url: path = '', headers } = request
      const one = { method, path, headers, body }
      seen.push(one)
      const { status = 200, body: text } = made.answer(one)
      response.writeHead(status).end(text)
    },
  )
  const url = `http://127.0.0.1:${port}`
  const made: Scene = {
    url,
    seen,
    answer,
    now_ms: start_ms,
    logged: () => lines.join(''),
    credentials: roleCredentials(
      role(url),
      () => log,
      () => made.now_ms,
    ),
  }
  return made
}

/** What is lent, until so many minutes after the start. */
const lent = (minutes: number, changes: object = {}): string =>
  JSON.stringify({
    Code: 'Success',
    AccessKeyId: 'ASIATEST',
    SecretAccessKey: `${canary}-key`,
    Token: `${canary}-token`,
    Expiration: new Date(start_ms + minutes * minute_ms).toISOString(),
    ...changes,
  })

const expected = {
  accessKeyId: 'ASIATEST',
  secretAccessKey: `${canary}-key`,
  sessionToken: `${canary}-token`,
}

const inContainer =
  (authorization: Extract<AwsRole, { kind: 'container' }>['authorization'] = null) =>
  (url: string): AwsRole => ({ kind: 'container', url: `${url}/v1/credentials`, authorization })

describe('a container [V13.3.1]', () => {
  test('of ECS asks at its path, and says nothing where nothing is to be said', async (t) => {
    const { credentials, seen } = await scene(t, inContainer(), () => ({ body: lent(60) }))
    assert.deepEqual(await credentials(), expected)
    const [asked] = seen
    assert.deepEqual([asked?.method, asked?.path], ['GET', '/v1/credentials'])
    assert.equal(asked?.headers.authorization, undefined)
  })

  test('of EKS shows the token of its file, which is read anew each time', async (t) => {
    const file = join(temporaryDirectory(t), 'token')
    writeFileSync(file, 'first\n', { mode: 0o600 })
    const made = await scene(t, inContainer({ file }), () => ({ body: lent(60) }))
    await made.credentials()
    writeFileSync(file, 'second')
    made.now_ms += 56 * minute_ms
    await made.credentials()
    const shown = made.seen.map(({ headers }) => headers.authorization)
    assert.deepEqual(shown, ['first', 'second'])
  })

  test('shows a token that was given as it is; one that breaks a header is quoted nowhere', async (t) => {
    const made = await scene(t, inContainer({ text: 'Basic abc' }), () => ({ body: lent(60) }))
    await made.credentials()
    assert.equal(made.seen[0]?.headers.authorization, 'Basic abc')
    const broken = await scene(t, inContainer({ text: `${canary}\n` }), () => ({ body: lent(60) }))
    await assert.rejects(broken.credentials(), {
      message: 'the server refuses us (no authorization)',
    })
    assert.equal(broken.seen.length, 0)
  })
})

const onMachine = (url: string): AwsRole => ({ kind: 'instance', url })

/** IMDSv2, as AWS documents it. */
const metadata: Standing = ({ method, path, headers }) => {
  if (path === '/latest/api/token') {
    const isRight = method === 'PUT' && headers['x-aws-ec2-metadata-token-ttl-seconds'] === '300'
    return isRight ? { body: 'imds-token==' } : { status: 400, body: '' }
  }
  if (headers['x-aws-ec2-metadata-token'] !== 'imds-token==') return { status: 401, body: '' }
  const place = '/latest/meta-data/iam/security-credentials/'
  if (path === place) return { body: 'locket-role\n' }
  return path === `${place}locket-role` ? { body: lent(360) } : { status: 404, body: '' }
}

describe('a machine [V13.3.1]', () => {
  test('gets a token by PUT, then its role, then the credentials', async (t) => {
    const { credentials, seen } = await scene(t, onMachine, metadata)
    assert.deepEqual(await credentials(), expected)
    assert.deepEqual(
      seen.map(({ method }) => method),
      ['PUT', 'GET', 'GET'],
    )
  })

  test('without a role, or with nonsense for its name, is refused', async (t) => {
    const without: Standing = (seen) =>
      seen.path.endsWith('/security-credentials/') ? { status: 404, body: '' } : metadata(seen)
    const made = await scene(t, onMachine, without)
    await assert.rejects(made.credentials(), { message: 'the server refuses us (403)' })
    made.answer = (seen) =>
      seen.path.endsWith('/security-credentials/') ? { body: '../../x' } : metadata(seen)
    await assert.rejects(made.credentials(), { message: 'the answer is not what was asked for' })
  })
})

describe('a service account [V13.3.1]', () => {
  const xml = (minutes: number): string => `<AssumeRoleWithWebIdentityResponse
    xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>system:serviceaccount</SubjectFromWebIdentityToken>
    <Credentials><SessionToken>${canary}-token</SessionToken>
    <SecretAccessKey>${canary}-key</SecretAccessKey>
    <Expiration>${new Date(start_ms + minutes * minute_ms).toISOString()}</Expiration>
    <AccessKeyId>ASIATEST</AccessKeyId></Credentials>
    </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`

  const assuming =
    (tokenFile: string) =>
    (url: string): AwsRole => ({
      kind: 'web-identity',
      url,
      roleArn: 'arn:aws:iam::123456789012:role/locket',
      sessionName: 'locket',
      tokenFile,
    })

  test('shows its token to STS, and is given the role', async (t) => {
    const file = join(temporaryDirectory(t), 'token')
    writeFileSync(file, 'eyJ.a.b', { mode: 0o600 })
    const made = await scene(t, assuming(file), () => ({ body: xml(60) }))
    assert.deepEqual(await made.credentials(), expected)
    const [asked] = made.seen
    assert.equal(asked?.method, 'POST')
    assert.deepEqual(Object.fromEntries(new URLSearchParams(asked?.body)), {
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: 'arn:aws:iam::123456789012:role/locket',
      RoleSessionName: 'locket',
      WebIdentityToken: 'eyJ.a.b',
    })
  })

  test('is refused with the status alone; what may pass is told apart', async (t) => {
    const file = join(temporaryDirectory(t), 'token')
    writeFileSync(file, canary, { mode: 0o600 })
    const error = (code: string) => `<ErrorResponse><Error><Code>${code}</Code>
      <Message>${canary}</Message></Error></ErrorResponse>`
    const made = await scene(t, assuming(file), () => ({
      status: 403,
      body: error('AccessDenied'),
    }))
    await assert.rejects(made.credentials(), { message: 'the server refuses us (403)' })
    made.answer = () => ({ status: 400, body: error('IDPCommunicationError') })
    await assert.rejects(made.credentials(), { message: 'the server failed (400)' })
    assert.ok(!made.logged().includes(canary))
  })

  test('without its file asks nobody', async (t) => {
    const file = join(temporaryDirectory(t), 'absent')
    const made = await scene(t, assuming(file), () => ({ body: xml(60) }))
    await assert.rejects(made.credentials(), { message: 'there is none there' })
    assert.equal(made.seen.length, 0)
  })
})

describe('what is lent', () => {
  test('is kept, and asked for anew five minutes before its end', async (t) => {
    const made = await scene(t, inContainer(), () => ({ body: lent(60) }))
    for (const minutes of [0, 30, 54.9]) {
      made.now_ms = start_ms + minutes * minute_ms
      await made.credentials()
    }
    assert.equal(made.seen.length, 1)
    made.now_ms = start_ms + 55 * minute_ms
    made.answer = () => ({ body: lent(120, { AccessKeyId: 'ASIANEXT' }) })
    assert.equal((await made.credentials()).accessKeyId, 'ASIANEXT')
    assert.equal(made.seen.length, 2)
  })

  test('counts to its end while nobody answers, and the log says so without it', async (t) => {
    const made = await scene(t, inContainer(), () => ({ body: lent(60) }))
    await made.credentials()
    made.answer = () => ({ status: 500, body: canary })
    made.now_ms = start_ms + 58 * minute_ms
    assert.deepEqual(await made.credentials(), expected)
    assert.match(made.logged(), /not lent anew; the last count/)
    made.now_ms = start_ms + 60 * minute_ms
    await assert.rejects(made.credentials(), { message: 'the server failed (500)' })
    assert.ok(!made.logged().includes(canary))
  })

  test('is asked for once by a hundred at a time', async (t) => {
    const made = await scene(t, inContainer(), () => ({ body: lent(60) }))
    await Promise.all(Array.from({ length: 100 }, () => made.credentials()))
    assert.equal(made.seen.length, 1)
  })

  const nonsense: Readonly<Record<string, string>> = {
    'no JSON': `<html>${canary}`,
    'no key': lent(60, { AccessKeyId: undefined }),
    'an empty token': lent(60, { Token: '' }),
    'a key that is no text': lent(60, { SecretAccessKey: { a: 1 } }),
    'no end': lent(60, { Expiration: undefined }),
    'an end that is no time': lent(60, { Expiration: 'soon' }),
  }
  for (const [name, body] of Object.entries(nonsense)) {
    test(`is not taken as ${name}`, async (t) => {
      const made = await scene(t, inContainer(), () => ({ body }))
      await assert.rejects(made.credentials(), { message: 'the answer is not what was asked for' })
      assert.ok(!made.logged().includes(canary))
    })
  }
})
