/** What doctor says of files, settings and certificates, each changed as an operator might. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeCa, type Order } from '../../test/certificates.ts'
import { assertFound, examined, finding, findingIn } from '../../test/doctor.ts'
import { onlyOn } from '../../test/engine.ts'
import { openLocket } from '../../test/harness.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { day_ms } from '../core/clock.ts'

const production = { mode: 'production' }
const rootKey = Buffer.alloc(32, 9).toString('base64')

/** Settings of a server that need no data. */
function place(t: TestContext): { directory: string } {
  return { directory: join(temporaryDirectory(t), 'data') }
}

test('the mode warns in development, passes in production, fails where it refuses', async (t) => {
  const here = place(t)
  assertFound(await finding(here, 'mode'), 'warn', /^development: .*2 things/)
  assertFound(await finding(here, 'mode', { flags: production }), 'fail', /^production refuses: /)
  const elsewhere = { 'root-key-file': join(temporaryDirectory(t), 'root.key') }
  const flags = { ...production, ...elsewhere }
  assertFound(await finding(here, 'mode', { flags }), 'pass', /^production/)
  assertFound(await finding(here, 'mode', { flags: elsewhere }), 'warn', /nothing would be/)
})

test('a root key beside the data warns, fails in production, and is right elsewhere', async (t) => {
  const here = place(t)
  const id = 'root-key-place'
  assertFound(await finding(here, id), 'warn', /lies in the data directory/)
  assertFound(await finding(here, id, { flags: production }), 'fail', /lies in the data directory/)
  const flags = { 'root-key-file': join(temporaryDirectory(t), 'root.key') }
  assertFound(await finding(here, id, { flags }), 'pass', /outside the data directory/)
})

test('a root key from the environment warns, and is not printed', async (t) => {
  const report = await examined(place(t), { env: { LOCKET_ROOT_KEY: rootKey } })
  assertFound(findingIn(report, 'root-key-place'), 'warn', /comes from LOCKET_ROOT_KEY/)
  assert.ok(!JSON.stringify(report).includes(rootKey))
})

test('files of the data that others can get at', async (t) => {
  const made = await openLocket(t)
  const id = 'data-files'
  assertFound(await finding(made, id), 'pass', /their owner’s alone/)
  chmodSync(join(made.directory, 'tombstones'), 0o640)
  assertFound(await finding(made, id), 'warn', /others can read .*tombstones \(mode 0640\)/)
  chmodSync(join(made.directory, 'tombstones'), 0o620)
  assertFound(await finding(made, id), 'fail', /others can write .*tombstones \(mode 0620\)/)
  chmodSync(join(made.directory, 'tombstones'), 0o600)
  chmodSync(made.directory, 0o755)
  assertFound(await finding(made, id), 'warn', /others can get into .*mode 0755/)
  assertFound(await finding(made, id, { flags: production }), 'fail', /others can get into/)
  chmodSync(made.directory, 0o777)
  assertFound(await finding(made, id), 'fail', /others can write .*mode 0777/)
})

const onlyRoot = { skip: process.getuid?.() === 0 ? false : 'only root gives files away' }

test('a file of the data that is another user’s', onlyRoot, async (t) => {
  const made = await openLocket(t)
  chownSync(join(made.directory, 'locket.lock'), 65_534, 65_534)
  assertFound(await finding(made, 'data-files'), 'warn', /locket\.lock belongs to another user/)
})

test('each file of SQLite is looked at', onlyOn('sqlite', 'its files'), async (t) => {
  const made = await openLocket(t)
  for (const name of [
    'locket.db',
    'locket.db-wal',
    'locket.db-shm',
    'locket.db-events',
    'locket.lock',
  ]) {
    chmodSync(join(made.directory, name), 0o644)
    const found = await finding(made, 'data-files')
    assertFound(found, 'warn', new RegExp(`/${name} \\(mode 0644\\)`))
    chmodSync(join(made.directory, name), 0o600)
  }
})

test('settings that others can change', async (t) => {
  const here = place(t)
  const file = join(temporaryDirectory(t), 'locket.toml')
  writeFileSync(file, 'port = 9000\n', { mode: 0o640 })
  const id = 'settings-file'
  assertFound(await finding(here, id), 'pass', /^there is none$/)
  const flags = { config: file }
  assertFound(await finding(here, id, { flags }), 'pass', /mode 0640/)
  chmodSync(file, 0o664)
  assertFound(await finding(here, id, { flags }), 'warn', /others can write .*mode 0664/)
  const strict = { ...flags, ...production }
  assertFound(await finding(here, id, { flags: strict }), 'fail', /others can write/)
})

test('secrets that cannot be had, or that others can read', async (t) => {
  const here = place(t)
  const file = join(temporaryDirectory(t), 'password')
  const flags = {
    'database-url': 'postgres://locket@127.0.0.1:9/locket',
    'database-password': `file:${file}`,
  }
  const id = 'secrets'
  assertFound(await finding(here, id), 'pass', /^no setting refers to one$/)
  assertFound(await finding(here, id, { flags }), 'fail', /--database-password: file:.* none there/)
  writeFileSync(file, 'geheim', { mode: 0o640 })
  assertFound(await finding(here, id, { flags }), 'pass', /^--database-password from file:/)
  chmodSync(file, 0o644)
  const report = await examined(here, { flags })
  assertFound(findingIn(report, id), 'fail', /others can get at it \(mode 0644: chmod 600\)/)
  assert.ok(!JSON.stringify(report).includes('geheim'))
})

test('a TLS key that others can read', async (t) => {
  const here = place(t)
  const file = join(temporaryDirectory(t), 'key.pem')
  const flags = { 'tls-cert': file, 'tls-key': file }
  const id = 'secret-files'
  assertFound(await finding(here, id), 'pass', /^there is none$/)
  assertFound(await finding(here, id, { flags }), 'fail', /is not there/)
  writeFileSync(file, 'geheim', { mode: 0o640 })
  assertFound(await finding(here, id, { flags }), 'pass', /nobody else can reach/)
  chmodSync(file, 0o644)
  const report = await examined(here, { flags })
  assertFound(findingIn(report, id), 'fail', /others can reach .*mode 0644/)
  assert.ok(!JSON.stringify(report).includes('geheim'))
})

test('who can read the metrics', async (t) => {
  const here = place(t)
  const look = (flags: Record<string, string>) => finding(here, 'metrics', { flags })
  assertFound(await look({}), 'pass', /127\.0\.0\.1:9090: this machine alone/)
  assertFound(await look({ metrics: 'off' }), 'pass', /none/)
  const open = { 'metrics-host': '0.0.0.0', 'metrics-port': '9100' }
  assertFound(await look(open), 'warn', /0\.0\.0\.0:9100: whoever reaches it/)
  assertFound(await look({ ...open, ...production }), 'fail', /without a credential/)
  const said = { ...open, 'metrics-exposed': 'on', ...production }
  assertFound(await look(said), 'warn', /by your word only operators/)
})

test('who can reach the listener', async (t) => {
  const here = place(t)
  const look = (flags: Record<string, string>) => finding(here, 'listener', { flags })
  assertFound(await look({}), 'pass', /this machine alone/)
  assertFound(await look({ host: '0.0.0.0' }), 'warn', /other machines reach it in plain text/)
  assertFound(await look({ host: '0.0.0.0', ...production }), 'fail', /in plain text/)
  const proxied = { host: '0.0.0.0', 'trusted-proxies': '10.0.0.1', ...production }
  assertFound(await look(proxied), 'pass', /behind the proxies 10\.0\.0\.1/)
  assertFound(await look({ 'trusted-proxies': '0.0.0.0/0' }), 'warn', /can be forged/)
  assertFound(await look({ 'trusted-proxies': '::/0', ...production }), 'fail', /can be forged/)
  assertFound(await look({ 'trusted-proxies': '0.0.0.0/1,128.0.0.0/1' }), 'warn', /can be forged/)
  assertFound(await look({ 'trusted-proxies': '::ffff:0:0/96' }), 'warn', /can be forged/)
  const past = { host: '0.0.0.0', 'trusted-proxies': '127.0.0.1' }
  assertFound(await look(past), 'warn', /other machines reach it in plain text/)
  assertFound(
    await look({ ...past, ...production }),
    'fail',
    /other machines reach it in plain text/,
  )
  assertFound(await look({ 'public-url': 'http://memory.example' }), 'warn', /is plain text/)
  const { flags } = await withTls(t, {})
  assertFound(await look({ ...flags, host: '0.0.0.0', ...production }), 'pass', /with TLS/)
})

test('what weakens a default is shown [V13.4.5]', async (t) => {
  const here = place(t)
  const look = (id: string, flags: Record<string, string>) => finding(here, id, { flags })
  assertFound(await look('cors', {}), 'pass', /none/)
  const origin = { 'cors-origins': 'https://app.example' }
  assertFound(await look('cors', origin), 'warn', /https:\/\/app\.example/)
  const plain = { 'cors-origins': 'http://app.example' }
  assertFound(await look('cors', plain), 'warn', /may be anybody/)
  assertFound(await look('cors', { ...plain, ...production }), 'fail', /may be anybody/)
  assertFound(await look('docs', {}), 'pass', /on: development/)
  assertFound(await look('docs', production), 'pass', /are off/)
  assertFound(await look('docs', { docs: 'on', ...production }), 'warn', /on in production/)
  assertFound(await look('egress', {}), 'pass', /nowhere/)
  assertFound(await look('egress', { 'egress-allow': '*.example.com' }), 'warn', /\*\.example\.com/)
  const sent = (url: string, allow: string) =>
    look('embedder', {
      'embedder-url': url,
      'embedder-model': 'm',
      'embedder-dimensions': '8',
      'egress-allow': allow,
    })
  assertFound(await look('embedder', {}), 'pass', /nowhere/)
  assertFound(await look('language-model', {}), 'pass', /nothing is summarised/)
  const summarised = {
    'language-model-url': 'http://10.1.2.3/v1',
    'language-model-name': 'm',
    'egress-allow': 'http://10.1.2.3',
  }
  assertFound(await look('language-model', summarised), 'warn', /in plain text/)
  const local = 'http://127.0.0.1:11434'
  assertFound(await sent(`${local}/v1`, local), 'pass', /on this machine/)
  assertFound(await sent('https://e.example/v1', 'e.example'), 'pass', /e\.example, by TLS/)
  const plainHost = 'http://10.0.0.9:80'
  assertFound(await sent('http://10.0.0.9/v1', plainHost), 'warn', /plain text/)
})

async function withTls(t: TestContext, order: Order) {
  const directory = join(temporaryDirectory(t), 'tls')
  mkdirSync(directory)
  const names = [{ type: 'dns' as const, value: 'localhost' }]
  const ca = await makeCa('test CA')
  const pair = await ca.server({ names, ...order })
  const file = (name: string): string => join(directory, name)
  writeFileSync(file('cert.pem'), pair.cert)
  writeFileSync(file('key.pem'), pair.key, { mode: 0o600 })
  writeFileSync(file('ca.pem'), ca.cert)
  return { flags: { 'tls-cert': file('cert.pem'), 'tls-key': file('key.pem') }, file }
}

test('how a certificate stands', async (t) => {
  const here = place(t)
  const at = (days: number) => new Date(Date.now() + days * day_ms)
  const look = async (order: Order) => {
    const { flags } = await withTls(t, order)
    return finding(here, 'certificate', { flags })
  }
  assertFound(await finding(here, 'certificate'), 'pass', /none is needed/)
  const proxied = { 'trusted-proxies': '127.0.0.1' }
  assertFound(await finding(here, 'certificate', { flags: proxied }), 'unknown', /proxy/)
  assertFound(await look({ notAfter: at(60) }), 'pass', /valid until/)
  assertFound(await look({ notAfter: at(10) }), 'warn', /expires in 9 days/)
  assertFound(await look({ notBefore: at(-9), notAfter: at(-1) }), 'fail', /expired/)
  assertFound(await look({ notBefore: at(1) }), 'fail', /not valid before/)
})

test('a certificate that cannot be used', async (t) => {
  const here = place(t)
  const { flags, file } = await withTls(t, {})
  const look = () => finding(here, 'certificate', { flags })
  writeFileSync(file('key.pem'), (await makeCa('other')).key, { mode: 0o600 })
  assertFound(await look(), 'fail', /not that of the certificate/)
  rmSync(file('cert.pem'))
  assertFound(await look(), 'fail', /cannot be read \(ENOENT\)/)
})

test('the authorities that are trusted', async (t) => {
  const here = place(t)
  const { flags, file } = await withTls(t, {})
  const id = 'authorities'
  assertFound(await finding(here, id, { flags }), 'pass', /none is named/)
  const both = { ...flags, 'tls-client-ca': file('ca.pem') }
  assertFound(await finding(here, id, { flags: both }), 'pass', /ca\.pem, valid until/)
  const soon = await makeCa('soon', { notAfter: new Date(Date.now() + 5 * day_ms) })
  writeFileSync(file('ca.pem'), soon.cert)
  assertFound(await finding(here, id, { flags: both }), 'warn', /expires in 4 days/)
  writeFileSync(file('ca.pem'), 'nothing')
  assertFound(await finding(here, id, { flags: both }), 'fail', /has no certificate/)
})
