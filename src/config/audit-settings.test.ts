import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from './config.ts'

const read = (env: Record<string, string>) => readConfig({}, env).auditSinks

test('a syslog server is a host and perhaps a port, by TLS', () => {
  const cases = {
    'syslog+tls://siem.example': { host: 'siem.example', port: 6514 },
    'syslog+tls://10.0.0.7:1234': { host: '10.0.0.7', port: 1234 },
    'syslog+tls://[fd12::5]:1': { host: 'fd12::5', port: 1 },
  }
  for (const [text, place] of Object.entries(cases)) {
    const client = { caFile: null, client: null }
    assert.deepEqual(read({ LOCKET_AUDIT_SYSLOG: text }).syslog, { ...place, ...client })
  }
  for (const text of [
    'siem.example',
    'syslog://siem.example',
    'syslog+tls://siem.example/',
    'syslog+tls://siem.example:0',
    'syslog+tls://siem.example:65536',
    'syslog+tls://user@siem.example',
  ]) {
    assert.throws(() => read({ LOCKET_AUDIT_SYSLOG: text }), /LOCKET_AUDIT_SYSLOG: expected/, text)
  }
})

test('a webhook is called by https alone', () => {
  const secret = { LOCKET_AUDIT_WEBHOOK_SECRET: 'file:/run/secrets/hook' }
  for (const url of [
    'http://127.0.0.1/hook',
    'https://a.example/h?code=1',
    'https://a@b.example',
  ]) {
    const env = { ...secret, LOCKET_AUDIT_WEBHOOK: url, LOCKET_EGRESS_ALLOW: 'a.example' }
    assert.throws(() => read(env), /LOCKET_AUDIT_WEBHOOK: expected an https URL/, url)
  }
})

test('only sinks that there are can be required, each once', () => {
  const env = { LOCKET_AUDIT_FILE: 'a.jsonl', LOCKET_AUDIT_REQUIRED: 'file,file' }
  assert.deepEqual(read(env).required, ['file'])
  assert.throws(() => read({ ...env, LOCKET_AUDIT_REQUIRED: 'files' }), /LOCKET_AUDIT_REQUIRED/)
})
