import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from './config.ts'

test('asks witnesses that it may call', () => {
  const vkey = 'a.example/witness+abe11aec+BGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh'
  const read = (witnesses: string) => () =>
    readConfig({ witnesses, 'egress-allow': 'w.example' }, {})
  const { url, key } = read(`${vkey} https://w.example/v1/witness/`)().witnesses[0] ?? {}
  assert.deepEqual([url, key?.name], ['https://w.example/v1/witness', 'a.example/witness'])
  assert.throws(read(`${vkey} https://v.example`), /--witnesses: .*add v\.example to --egress/)
  const log = vkey.replace('+BG', '+AW')
  const both = `${vkey} https://w.example,${vkey} https://w.example/other`
  for (const wrong of ['https://w.example', `${log} https://w.example`, vkey, both]) {
    assert.throws(read(wrong), /--witnesses: expected at most/, wrong)
  }
})
