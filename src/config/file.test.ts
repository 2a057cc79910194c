import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { readDocuments } from '../../test/docs/markdown.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { limits } from '../core/limits.ts'
import { ConfigError, readServerSettings } from './config.ts'
import { readSettingsFile } from './file.ts'

const isWindows = process.platform === 'win32'

function write(t: TestContext, content: string | Uint8Array, mode = 0o600): string {
  const file = join(temporaryDirectory(t), 'locket.toml')
  writeFileSync(file, content, { mode })
  chmodSync(file, mode)
  return file
}

/** The mistakes of a whole start with this file, its own name left out. */
function mistakesOf(file: string): readonly string[] {
  try {
    readServerSettings({ config: file }, {})
    return []
  } catch (thrown) {
    assert.ok(thrown instanceof ConfigError)
    return thrown.mistakes.map((mistake) => mistake.replaceAll(file, 'FILE'))
  }
}

test('a settings file has five mistakes: five lines, and no value in them', (t) => {
  const file = write(
    t,
    `prot = 1
     port = "s3cret"
     mode = "s3cret"
     cors-origins = "s3cret"
     tls-key = "s3cret"`,
  )
  assert.deepEqual(mistakesOf(file), [
    'FILE:prot: there is no such setting; did you mean port?',
    'FILE:port: expected a port from 0 to 65535, without quotes',
    'FILE:cors-origins: expected origins such as https://app.example.com, without a path, as an array of strings',
    'FILE:tls-key: needs tls-cert too',
    'FILE:mode: expected one of development, production',
  ])
})

test('the samples in the documents are right', (t) => {
  const samples = readDocuments().flatMap((document) => document.samples)
  const files = samples.filter(({ language }) => language === 'toml')
  assert.notEqual(files.length, 0)
  for (const { text } of files) assert.deepEqual(mistakesOf(write(t, text)), [])
})

test('mistakes of all sources are told together', (t) => {
  const file = write(t, 'port = 70000')
  const read = () => readServerSettings({ config: file, hots: 'x' }, { LOCKET_MODE: 'x' })
  assert.throws(read, (error) => {
    assert.ok(error instanceof ConfigError)
    assert.deepEqual(error.mistakes, [
      '--hots: there is no such flag; did you mean --host?',
      'LOCKET_MODE: expected one of development, production',
      `${file}:port: expected a port from 0 to 65535`,
    ])
    return true
  })
})

describe('a value of the wrong kind', () => {
  const lines: readonly [string, string][] = [
    ['host = 1', 'host: expected a host name or an IP address, in quotes'],
    ['host = true', 'host: expected a host name or an IP address, in quotes'],
    ['host = ["a"]', 'host: expected a host name or an IP address, in quotes'],
    ['host = 1979-05-27', 'host: expected a host name or an IP address, in quotes'],
    ['port = "1"', 'port: expected a port from 0 to 65535, without quotes'],
    ['port = 1.5', 'port: expected a port from 0 to 65535'],
    ['port = nan', 'port: expected a port from 0 to 65535'],
    ['port = -1', 'port: expected a port from 0 to 65535'],
    ['[port]', 'port: expected a port from 0 to 65535, without quotes'],
    ['docs = "on"', 'docs: expected true or false, without quotes'],
    ['docs = 1', 'docs: expected true or false, without quotes'],
  ]
  for (const [line, mistake] of lines) {
    test(line, (t) => assert.deepEqual(mistakesOf(write(t, line)), [`FILE:${mistake}`]))
  }

  const lists = ['"10.0.0.1"', '[1]', '["10.0.0.1,10.0.0.2"]', '[["10.0.0.1"]]', '[""]', '{}']
  for (const value of lists) {
    test(`trusted-proxies = ${value}`, (t) => {
      assert.deepEqual(mistakesOf(write(t, `trusted-proxies = ${value}`)), [
        'FILE:trusted-proxies: expected IP addresses and networks such as 10.0.0.0/8, as an array of strings',
      ])
    })
  }
})

describe('a key that is no setting', () => {
  const lines: readonly [string, string][] = [
    ['[database]\nurl = "x"', 'database: there is no such setting'],
    ['database.url = "x"', 'database: there is no such setting'],
    ['LOCKET_PORT = 1', 'LOCKET_PORT: there is no such setting'],
    ['data_dir = "x"', 'data_dir: there is no such setting; did you mean data-dir?'],
    ['config = "x"', 'config: there is no such setting'],
    ['__proto__ = "x"', '__proto__: there is no such setting'],
    ['"two words" = 1', '(a key): there is no such setting'],
    [`${'a'.repeat(41)} = 1`, '(a key): there is no such setting'],
    ['root-key = "s3cret"', 'root-key: is not for a file: set LOCKET_ROOT_KEY'],
    ['api-key = "s3cret"', 'api-key: is not for a file: set LOCKET_API_KEY'],
  ]
  for (const [line, mistake] of lines) {
    test(line, (t) => assert.deepEqual(mistakesOf(write(t, line)), [`FILE:${mistake}`]))
  }
})

describe('what is no TOML is told by line and column, without its text', () => {
  const syntax = 'expected TOML: a key, =, and a value (text in quotes)'
  const lines: readonly [string, string][] = [
    ['port = 1\nhost = s3cret', `2:8: ${syntax}`],
    ['port 1', `1:6: ${syntax}`],
    ['port = 9007199254740993', `1:8: ${syntax}`],
    ['port = 1\nport = 2', '2:1: this key is set twice'],
    ['docs.a = 1\ndocs = true', '2:1: this key is set twice'],
    ['[a]\n[a]', '2:2: this key is set twice'],
    [`a = ${'['.repeat(2000)}`, `1:1004: ${syntax}`],
  ]
  for (const [text, mistake] of lines) {
    test(JSON.stringify(text.slice(0, 40)), (t) => {
      const [said = '', ...others] = mistakesOf(write(t, text))
      assert.deepEqual(others, [])
      assert.match(said, /^FILE:\d+:\d+: /)
      assert.equal(said.split(': ').slice(1).join(': '), mistake.split(': ').slice(1).join(': '))
      if (text.length < 100) assert.equal(said, `FILE:${mistake}`)
    })
  }
})

describe('a file', () => {
  test('that is named must be there, and its name is not repeated', () => {
    const read = (env: Record<string, string>) => () => readServerSettings({}, env)
    assert.throws(read({ LOCKET_CONFIG: '/nowhere/s3cret' }), {
      message: 'LOCKET_CONFIG: there is no such file',
    })
  })

  test('that nobody has named need not be there', (t) => {
    assert.equal(readSettingsFile(join(temporaryDirectory(t), 'locket.toml'), null), null)
  })

  test('that a link leads to must be there: it may be the one that says production', (t) => {
    const link = join(temporaryDirectory(t), 'locket.toml')
    symlinkSync('nowhere.toml', link)
    const read = readSettingsFile(link, null)
    assert.deepEqual(read?.mistakes, [`${link}: is a link to a file that is not there`])
    assert.deepEqual(mistakesOf(link), ['--config: there is no such file'])
  })

  test('may be empty, or hold remarks', (t) => {
    assert.deepEqual(mistakesOf(write(t, '')), [])
    assert.deepEqual(mistakesOf(write(t, '\ufeff# port = 1\r\nport = 2 # two\r\n')), [])
  })

  test('is a file', (t) => {
    const directory = join(temporaryDirectory(t), 'locket.toml')
    mkdirSync(directory)
    assert.deepEqual(mistakesOf(directory), ['FILE: expected a regular file'])
  })

  test('is text', (t) => {
    const file = write(t, Uint8Array.of(0x23, 0xff, 0xfe))
    assert.deepEqual(mistakesOf(file), ['FILE: expected UTF-8 text'])
  })

  test('has a bound', (t) => {
    const file = write(t, '#'.repeat(limits.settingsFile_bytes_max + 1))
    assert.deepEqual(mistakesOf(file), ['FILE: expected at most 65536 bytes'])
  })
})

describe('a password in a file that others can read', { skip: isWindows }, () => {
  const url = 'database-url = "postgres://locket:s3cret@127.0.0.1/locket"'

  for (const mode of [0o640, 0o644, 0o604, 0o620]) {
    test(`is refused at 0${mode.toString(8)}`, (t) => {
      const shown = `0${mode.toString(8)}`
      assert.deepEqual(mistakesOf(write(t, url, mode)), [
        `FILE: holds a password and others can read it (mode ${shown}): chmod 600 FILE`,
      ])
    })
  }

  test('is refused also when a flag has another one', (t) => {
    const file = write(t, url, 0o644)
    const flags = { config: file, 'database-url': 'postgres://locket@127.0.0.1/locket' }
    assert.throws(() => readServerSettings(flags, {}), ConfigError)
  })

  test('is taken at 0600 and 0400', (t) => {
    assert.deepEqual(mistakesOf(write(t, url, 0o600)), [])
    assert.deepEqual(mistakesOf(write(t, url, 0o400)), [])
  })

  test('is not meant when there is none', (t) => {
    const without = 'database-url = "postgres://locket@127.0.0.1/locket"'
    assert.deepEqual(mistakesOf(write(t, without, 0o644)), [])
  })
})
