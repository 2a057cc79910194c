/** What the audit tells of the settings of a server, started again and again as its operators do it. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { temporaryDirectory } from '../temporary-directory.ts'
import { startLocket } from './program.ts'

const canary = 'c4n4ry'
const rootKey = Buffer.from(canary.padEnd(32, '.')).toString('base64')
const vkey = 'a.example/witness+abe11aec+BGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh'
const env = { LOCKET_ROOT_KEY: rootKey, LOCKET_API_KEY: `lk_${canary}`, EMBEDDER: canary }

test('each start has an event with the settings that it was given, and no secret', async (t) => {
  const cwd = temporaryDirectory(t)
  let apiKey = ''
  const startsAfter = async (flags: readonly string[]) => {
    const { said, stop } = await served(t, cwd, flags)
    apiKey ||= said.apiKey
    const path = '/v1/audit-events?log=instance&action=server.started'
    const headers = { Authorization: `Bearer ${apiKey}` }
    const body = await (await fetch(`${said.url}${path}`, { headers })).text()
    await stop()
    for (const secret of [canary, rootKey]) assert.ok(!body.includes(secret), secret)
    return JSON.parse(body).items.map((event: { details: object }) => event.details)
  }
  const given = (...hosts: string[]) => [
    ...['--egress-allow', hosts.join(','), '--witnesses', `${vkey} https://${hosts.at(-1)}`],
    ...['--embedder-url', `https://${hosts[0]}`, '--embedder-model', 'm'],
    ...['--embedder-dimensions', '8', '--embedder-key', 'env:EMBEDDER'],
  ]
  const long = Array.from({ length: 30 }, (_, at) => `host-${at}.example`)
  await startsAfter(given('a.example'))
  await startsAfter(given('a.example', 'b.example'))
  const [third, second, first] = await startsAfter(given('a.example', ...long))
  const { settings } = first
  assert.equal(settings.egressAllow, 'a.example')
  assert.equal(settings.witnesses, `${vkey} https://a.example`)
  assert.equal(settings.embedderKey, 'env:EMBEDDER')
  assert.deepEqual([settings.rootKey, settings.apiKey], ['********', '********'])
  assert.equal(settings.dataDir, undefined, 'nobody has given it')
  const changed = { egressAllow: 'a.example,b.example', witnesses: `${vkey} https://b.example` }
  assert.deepEqual(second, { ...first, settings: { ...settings, ...changed } })
  assert.match(third.settings.egressAllow, /^sha256:[0-9a-f]{64}$/)
})

async function served(t: TestContext, cwd: string, flags: readonly string[]) {
  const server = startLocket(t, ['start', '--port', '0', '--json', ...flags], { cwd, env })
  const [line = ''] = await server.lines(1)
  assert.notEqual(line, '', server.stderr())
  const stop = async (): Promise<void> => {
    server.child.kill('SIGTERM')
    await server.ended()
  }
  return { said: JSON.parse(line) as { url: string; apiKey: string }, stop }
}
