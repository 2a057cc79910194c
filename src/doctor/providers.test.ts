/** What doctor says of identity providers, asked for real. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertFound, finding } from '../../test/doctor.ts'
import { openLocket } from '../../test/harness.ts'
import { newJwk, startIdentityProvider } from '../../test/identity-provider.ts'

test('providers are counted, and those that give no keys are named with the reason', async (t) => {
  const provider = await startIdentityProvider([await newJwk('first')])
  t.after(provider.down)
  const { issuer } = provider
  const made = await openLocket(t, { egressAllow: [issuer] })
  const flags = { 'egress-allow': issuer }
  const look = (about = { flags }) => finding(made, 'identity-providers', about)
  assertFound(await look(), 'pass', /^0 providers in force, 0 disabled$/)

  const registered = async (name: string, url: string): Promise<string> => {
    const reply = await made.call('POST', '/v1/identity-providers', { body: { name, issuer: url } })
    assert.equal(reply.status, 201, JSON.stringify(reply.body))
    return reply.body.id
  }
  const id = await registered('corp', issuer)
  assertFound(await look(), 'pass', /^1 provider in force, 0 disabled; all answer$/)
  assertFound(await look({ flags: { 'egress-allow': 'idp.example' } }), 'warn', /not_allowed/)

  await provider.behave({ says: 'https://other.example' })
  assertFound(await look(), 'warn', new RegExp(`no keys from 1, such as ${id} \\(wrong_issuer\\)$`))
  await provider.behave({ body: '{}' })
  assertFound(await look(), 'warn', /\(bad_document\)$/)
  await provider.behave({})

  const other = await registered('other', 'https://idp.example')
  assertFound(
    await look(),
    'warn',
    new RegExp(`^2 .*no keys from 1, such as ${other} \\(not_allowed`),
  )
  await made.call('PATCH', `/v1/identity-providers/${other}`, { body: { state: 'disabled' } })
  assertFound(await look(), 'pass', /^1 provider in force, 1 disabled; all answer$/)

  await provider.down()
  assertFound(await look(), 'warn', /\(unreachable\)$/)
})
