/** Who we are to AWS, by what stands in the environment. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startPlain } from '../../test/egress.ts'
import { startSecretServer } from '../../test/secret-server.ts'
import { awsRoleOf } from './aws.ts'
import { readServerSettings } from './config.ts'

const region = 'eu-central-1'
const web = { AWS_WEB_IDENTITY_TOKEN_FILE: '/token', AWS_ROLE_ARN: 'arn:aws:iam::1:role/a' }
const ecs = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/a' }
const eks = {
  AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials',
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/var/run/token',
}

describe('a role', () => {
  test('is looked for in the order of AWS: service account, container, machine', () => {
    assert.deepEqual(awsRoleOf({ ...ecs, ...web }, region), {
      kind: 'web-identity',
      url: 'https://sts.eu-central-1.amazonaws.com',
      roleArn: web.AWS_ROLE_ARN,
      sessionName: 'locket',
      tokenFile: '/token',
    })
    assert.deepEqual(awsRoleOf({ ...eks, ...ecs }, region), {
      kind: 'container',
      url: 'http://169.254.170.2/v2/credentials/a',
      authorization: { file: '/var/run/token' },
    })
    assert.deepEqual(awsRoleOf(eks, region), {
      kind: 'container',
      url: 'http://169.254.170.23/v1/credentials',
      authorization: { file: '/var/run/token' },
    })
    assert.deepEqual(awsRoleOf({}, region), { kind: 'instance', url: 'http://169.254.169.254' })
    const newer = { AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: 'IPv6' }
    assert.deepEqual(awsRoleOf(newer, region), { kind: 'instance', url: 'http://[fd00:ec2::254]' })
    assert.deepEqual(awsRoleOf({ AWS_EC2_METADATA_DISABLED: 'true' }, region), {
      kind: 'none',
      reason: 'no access key, and no role',
    })
  })

  test('is asked for in China at China’s', () => {
    const role = awsRoleOf(web, 'cn-north-1')
    assert.ok(role.kind === 'web-identity')
    assert.equal(role.url, 'https://sts.cn-north-1.amazonaws.com.cn')
  })

  test('is asked for by https, on this machine, or at AWS’s own addresses only', () => {
    const full = (url: string) =>
      awsRoleOf({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url }, region).kind
    for (const url of ['https://agent.test/a', 'http://127.0.0.1:8080/a', 'http://[::1]/a']) {
      assert.equal(full(url), 'container', url)
    }
    const others = [
      ...['http://10.0.0.1/a', 'http://agent.test/a', 'http://169.254.169.254/a', 'ftp://a/b'],
      ...['http://user:word@127.0.0.1/a', '/a', 'http://169.254.170.2.evil.test/a'],
    ]
    for (const url of others) assert.equal(full(url), 'none', url)
    // What is put behind the address must not become another one.
    const path = (text: string) =>
      awsRoleOf({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: text }, region).kind
    assert.equal(path('.evil.test/a'), 'none')
    assert.equal(path('@evil.test/a'), 'none')
    const sts = (url: string) => awsRoleOf({ ...web, AWS_ENDPOINT_URL_STS: url }, region).kind
    assert.deepEqual([sts('https://vpce.test'), sts('http://10.0.0.1')], ['web-identity', 'none'])
    const imds = (url: string) => awsRoleOf({ AWS_EC2_METADATA_SERVICE_ENDPOINT: url }, region).kind
    assert.deepEqual(
      ['http://169.254.169.254/', 'http://127.0.0.1:1338', 'http://10.0.0.1'].map(imds),
      ['instance', 'instance', 'none'],
    )
  })

  test('without one, and without a key, the start says what is missing', async () => {
    const env = { AWS_EC2_METADATA_DISABLED: 'true', ...secretAt('https://sm.test') }
    const { config } = readServerSettings({}, env)
    await assert.rejects(config.secrets.start(), /refuses us \(no access key, and no role\)/)
  })
})

function secretAt(endpoint: string): Readonly<Record<string, string>> {
  return {
    LOCKET_AWS_REGION: region,
    LOCKET_AWS_ENDPOINT: endpoint,
    LOCKET_EMBEDDER_URL: 'http://127.0.0.1:9/v1',
    LOCKET_EMBEDDER_MODEL: 'model',
    LOCKET_EMBEDDER_DIMENSIONS: '8',
    LOCKET_EGRESS_ALLOW: 'http://127.0.0.1:9',
    LOCKET_EMBEDDER_KEY: 'aws-sm://prod/locket#embedder',
  }
}

test('[V13.3.1] a secret is read with what a container is lent; a key of our own comes first', async (t) => {
  const keeper = await startSecretServer(t)
  const answers = { 'prod/locket': { SecretString: '{"embedder":"geheim"}' } }
  const lent = { accessKeyId: 'ASIALENT', secretAccessKey: 'lent-key', sessionToken: 'lent-token' }
  let asked = 0
  const { port } = await startPlain(t, (_, response) => {
    asked += 1
    response.end(
      JSON.stringify({
        AccessKeyId: lent.accessKeyId,
        SecretAccessKey: lent.secretAccessKey,
        Token: lent.sessionToken,
        Expiration: new Date(Date.now() + 3_600_000).toISOString(),
      }),
    )
  })
  const read = async (env: Readonly<Record<string, string>>) => {
    const { config } = readServerSettings({}, { ...secretAt(keeper.url), ...env })
    await config.secrets.start()
    t.after(config.secrets.stop)
    return config.embedder?.key?.read()
  }
  const container = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/role` }
  await keeper.behave({ aws: { ...lent, answers } })
  assert.equal(await read(container), 'geheim')
  assert.equal(asked, 1)
  const own = { accessKeyId: 'AKIDOWN', secretAccessKey: 'own-key', sessionToken: null }
  await keeper.behave({ aws: { ...own, answers } })
  const keys = { AWS_ACCESS_KEY_ID: own.accessKeyId, AWS_SECRET_ACCESS_KEY: own.secretAccessKey }
  assert.equal(await read({ ...container, ...keys }), 'geheim')
  assert.equal(asked, 1)
})
