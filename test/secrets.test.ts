/**
 * Secrets from where operators keep them, by the program as they run it: every one of them is a
 * canary that nothing prints, logs or writes down. Vault and AWS are a stand-in of their shape.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { findAll, haystacks } from './byte-search.ts'
import { makeCa, writePair } from './certificates.ts'
import { type Ended, locket, startLocket } from './cli/program.ts'
import { startEmbeddingEndpoint } from './embedding-endpoint.ts'
import { engine } from './engine.ts'
import { startSecretServer } from './secret-server.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const keeper = await startSecretServer({ after })
const rootKey = Buffer.alloc(32, 0x5a).toString('base64')
const aws = { accessKeyId: 'AKIDCANARY', secretAccessKey: 'canary-aws-key', sessionToken: null }
const skip = engine === 'postgres' ? 'the program is the same on both' : false

interface Site {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly caFile: string
  /** What must be in no output and in no file. */
  readonly canaries: readonly string[]
  readonly keep: (changes?: { embedderKey?: string; status?: number }) => Promise<void>
}

async function makeSite(t: TestContext, more: Readonly<Record<string, string>>): Promise<Site> {
  const cwd = temporaryDirectory(t)
  const ca = await makeCa('Test CA')
  const pair = await ca.server()
  const { certFile } = writePair(cwd, pair)
  const caFile = join(cwd, 'ca.pem')
  writeFileSync(caFile, ca.cert)
  writeFileSync(join(cwd, 'vault-token'), 'canary-vault-token\n', { mode: 0o600 })
  const keep: Site['keep'] = ({ embedderKey = 'canary-embedder-1', ...others } = {}) =>
    keeper.behave({
      tokens: ['canary-vault-token'],
      vault: { 'kv/data/locket': { 'root-key': rootKey, 'tls-key': pair.key } },
      aws: {
        ...aws,
        answers: { 'prod/locket': { SecretString: `{"embedder":"${embedderKey}"}` } },
      },
      ...others,
    })
  const env = {
    LOCKET_ROOT_KEY: 'vault://kv/locket#root-key',
    LOCKET_TLS_CERT: certFile,
    LOCKET_TLS_KEY: 'vault://kv/locket#tls-key',
    LOCKET_VAULT_ADDRESS: keeper.url,
    LOCKET_VAULT_CREDENTIAL: `file:${join(cwd, 'vault-token')}`,
    LOCKET_AWS_REGION: 'eu-central-1',
    LOCKET_AWS_ENDPOINT: keeper.url,
    AWS_ACCESS_KEY_ID: aws.accessKeyId,
    AWS_SECRET_ACCESS_KEY: aws.secretAccessKey,
    LOCKET_PORT: '0',
    LOCKET_LOG_LEVEL: 'debug',
    ...more,
  }
  const keyLine = pair.key.split('\n')[1] ?? ''
  const canaries = ['canary', 'AKIDCANARY', rootKey, keyLine]
  return { cwd, env, caFile, canaries, keep }
}

function assertSilent({ canaries }: Site, { stdout, stderr }: Ended): void {
  for (const canary of canaries) {
    assert.ok(!stdout.includes(canary), `printed: ${canary}`)
    assert.ok(!stderr.includes(canary), `logged: ${canary}`)
  }
}

/** A site with an embedder, and the program on it: whatever it prints is looked through. */
async function makeProgram(t: TestContext) {
  const model = await startEmbeddingEndpoint(t)
  await model.behave({ key: 'canary-embedder-1' })
  const site = await makeSite(t, {
    LOCKET_EMBEDDER_URL: model.baseUrl,
    LOCKET_EMBEDDER_MODEL: 'words',
    LOCKET_EMBEDDER_DIMENSIONS: '32',
    LOCKET_EMBEDDER_KEY: 'aws-sm://prod/locket#embedder',
    LOCKET_EGRESS_ALLOW: model.allow,
  })
  await site.keep()
  const { cwd, env } = site
  const run = async (...args: string[]): Promise<Ended> => {
    const ended = await locket(t, args, { cwd, env })
    assertSilent(site, ended)
    return ended
  }
  const made = await run('init', '--json')
  assert.equal(made.code, 0, made.stderr)
  const { apiKey } = JSON.parse(made.stdout)
  const asUser = async (url: string, args: readonly string[]): Promise<Ended> => {
    const key = { LOCKET_API_KEY: 'env:MY_KEY', MY_KEY: apiKey, LOCKET_URL: url }
    const ended = await locket(t, args, { cwd, env: { ...key, NODE_EXTRA_CA_CERTS: site.caFile } })
    assertSilent({ ...site, canaries: [...site.canaries, apiKey] }, ended)
    assert.equal(ended.code, 0, ended.stderr)
    return ended
  }
  const check = async (id: string): Promise<{ status: string; saw: string }> => {
    const { checks } = JSON.parse((await run('doctor', '--json')).stdout)
    return checks.find((one: { id: string }) => one.id === id)
  }
  return { model, site, run, asUser, check }
}

test('[V13.3.1] a server has its secrets from Vault and AWS, and they are seen nowhere', {
  skip,
}, async (t) => {
  const { model, site, run, asUser, check } = await makeProgram(t)
  const { cwd, env } = site
  const shown = await run('config', 'show')
  assert.match(shown.stdout, /LOCKET_ROOT_KEY +vault:\/\/kv\/locket#root-key/)
  assert.match(shown.stdout, /embedder-key +aws-sm:\/\/prod\/locket#embedder/)
  assert.equal((await run('config', 'check')).code, 0)
  for (const id of ['secrets', 'root-key-place', 'root-key-fits']) {
    assert.equal((await check(id)).status, 'pass', id)
  }

  const server = startLocket(t, ['serve', '--json'], { cwd, env })
  const [line = ''] = await server.lines(1)
  const { url } = JSON.parse(line)
  const recallBy = async (text: string): Promise<{ degraded?: unknown }> =>
    JSON.parse((await asUser(url, ['recall', 'user:alice', text, '--json'])).stdout)
  await asUser(url, ['store', 'user:alice', 'I see my physician on Monday.'])
  assert.equal((await recallBy('doctor')).degraded, false)

  // The key of the embedder is replaced, here and there, and nobody starts anything anew.
  await model.behave({ key: 'canary-embedder-2' })
  await site.keep({ embedderKey: 'canary-embedder-2' })
  assert.equal((await recallBy('doctor of mine')).degraded, false)

  // What serves goes on without those that keep the secrets; what starts does not.
  await site.keep({ status: 503 })
  assert.equal((await recallBy('doctor of yours')).degraded, false)
  const ill = await check('secrets')
  assert.equal(ill.status, 'fail')
  assert.match(ill.saw, /LOCKET_TLS_KEY: vault:\/\/kv\/locket#tls-key: the server failed \(503\)/)
  const refused = await run('serve')
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    /LOCKET_ROOT_KEY: the secret of vault:\/\/kv\/locket#root-key cannot/,
  )
  assert.match(
    refused.stderr,
    /LOCKET_EMBEDDER_KEY: the secret of aws-sm:\/\/prod\/locket#embedder/,
  )

  server.child.kill('SIGTERM')
  const ended = await server.ended()
  assert.equal(ended.code, 0, ended.stderr)
  assertSilent(site, ended)
  const needles = site.canaries.map((one) => one.toLowerCase())
  assert.deepEqual(findAll(haystacks(join(cwd, 'locket-data')), needles), [])
})

test('what stands where a reference should is refused, and not repeated', { skip }, async (t) => {
  const cwd = temporaryDirectory(t)
  const env = {
    LOCKET_DATABASE_PASSWORD: 'canary-1',
    LOCKET_EMBEDDER_KEY: 'file:canary-2',
    LOCKET_ROOT_KEY: 'canary-3',
    LOCKET_VAULT_CREDENTIAL: 'vault://kv/canary#4',
  }
  const { code, stdout, stderr } = await locket(t, ['config', 'check'], { cwd, env })
  assert.equal(code, 2)
  assert.equal(stdout, '')
  assert.doesNotMatch(stderr, /canary/)
  for (const name of Object.keys(env))
    assert.match(stderr, new RegExp(`${name}: expected .*env:NAME`))
})
