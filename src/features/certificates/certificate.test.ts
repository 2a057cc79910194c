import assert from 'node:assert/strict'
import { test } from 'node:test'
import { subjectOf } from './certificate.ts'

const ten = 'ten_01890000000000000000000000'
const svc = 'svc_0189000000000000000000ABCD'
const uri = `locket://${ten}/${svc}`

test('a certificate names a service by exactly one URI', () => {
  const subject = { tenant: ten, principal: svc }
  assert.deepEqual(subjectOf({ uris: [uri] }), subject)
  assert.deepEqual(subjectOf({ uris: ['spiffe://a.test/b', uri] }), subject)
})

test('a certificate that is not beyond doubt names nobody', () => {
  const cases: Readonly<Record<string, readonly string[] | null>> = {
    'no URI': [],
    'names that cannot be read': null,
    'only other URIs': ['https://a.test/', `spiffe://${ten}/${svc}`],
    two: [uri, `locket://${ten}/svc_01890000000000000000000002`],
    'the same twice': [uri, uri],
    'one more, in capitals': [uri, uri.replace('locket', 'LOCKET')],
    'only in capitals': [uri.replace('locket', 'LOCKET')],
    'a user': [uri.replace('svc_', 'usr_')],
    'an agent': [uri.replace('svc_', 'agt_')],
    'a key for a tenant': [uri.replace('ten_', 'key_')],
    'no principal': [`locket://${ten}`],
    'an empty principal': [`locket://${ten}/`],
    'more behind it': [`${uri}/`],
    'a query': [`${uri}?a`],
    'a port': [`locket://${ten}:1/${svc}`],
    'a user before the tenant': [`locket://a@${ten}/${svc}`],
    'other letters': [uri.toLowerCase()],
    'space around it': [` ${uri}`, `${uri} `],
    'no slashes': [`locket:${ten}/${svc}`],
  }
  for (const [what, uris] of Object.entries(cases)) assert.equal(subjectOf({ uris }), null, what)
})
