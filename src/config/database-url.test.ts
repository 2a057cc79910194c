import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ConfigError, type DatabaseConfig, readConfig } from './config.ts'
import { withoutPassword } from './database-url.ts'
import type { Environment } from './sources.ts'

function database(url: string, env: Environment = {}): DatabaseConfig {
  const config = readConfig({}, { LOCKET_DATABASE_URL: url, ...env }).database
  assert.ok(config)
  return config
}

function mistakesOf(url: string, env: Environment = {}): readonly string[] {
  let mistakes: readonly string[] = []
  assert.throws(
    () => database(url, env),
    (error: ConfigError) => {
      mistakes = error.mistakes
      return true
    },
  )
  return mistakes
}

describe('[V12.3.2] the way to the database is encrypted and verified', () => {
  const lines: readonly [url: string, tls: DatabaseConfig['tls']][] = [
    ['postgres://a@db.example/c', 'verify'],
    ['postgres://a@db.example/c?sslmode=require', 'verify'],
    ['postgres://a@db.example/c?sslmode=verify-ca', 'verify'],
    ['postgres://a@db.example/c?sslmode=verify-full', 'verify'],
    ['postgres://a@10.0.0.1/c', 'verify'],
    ['postgres://a@127.0.0.1.example/c', 'verify'],
    ['postgres://a@[fd00::1]/c', 'verify'],
    ['postgres://a@localhost/c?sslmode=require', 'verify'],
    ['postgres://a@localhost/c', 'off'],
    ['postgresql://a@127.0.0.1:5433/c', 'off'],
    ['postgres://a@[::1]/c', 'off'],
    ['postgres://a@%2Fvar%2Frun%2Fpostgresql/c', 'off'],
    ['postgres://a@db.example/c?sslmode=disable', 'off'],
  ]
  for (const [url, tls] of lines) test(`${url}: ${tls}`, () => assert.equal(database(url).tls, tls))

  test('on this machine too when an authority is named', () => {
    const env = { LOCKET_DATABASE_CA: 'ca.pem' }
    assert.equal(database('postgres://a@127.0.0.1/c', env).tls, 'verify')
  })

  test('and not otherwise in production', () => {
    for (const host of ['db.example', '127.0.0.1']) {
      const url = `postgres://a@${host}/c?sslmode=disable`
      assert.deepEqual(mistakesOf(url, { LOCKET_MODE: 'production' }), [
        'LOCKET_DATABASE_URL: sslmode=disable is refused in production mode: leave it out',
      ])
    }
  })
})

test('only `tls` tells about encryption, nothing in the URL does', () => {
  const { url } = database(
    'postgres://a:p%40ss@db.example:5433/c?sslmode=require&application_name=x',
  )
  assert.equal(url, 'postgres://a:p%40ss@db.example:5433/c?application_name=x')
})

describe('a URL is refused', () => {
  const wrong: readonly string[] = [
    '',
    'postgres://',
    'postgres://a@db.example',
    'postgres://a@db.example/',
    'postgres://a@db.example/c/d',
    'postgres://db.example/c',
    'postgres:///c?host=/tmp',
    'postgres://a@one.example,two.example/c',
    'postgres://a@db.example:0/c',
    'postgres://a@db.example:65536/c',
    'postgres://a@db.example/c#d',
    'postgres://a@db.example/c d',
    'postgres://a:%zz@db.example/c',
    'mysql://a@db.example/c',
    'https://a@db.example/c',
    'postgres://a@db.example/c?sslmode=prefer',
    'postgres://a@db.example/c?sslmode=no-verify',
    'postgres://a@db.example/c?sslmode=',
    'postgres://a@db.example/c?sslmode=require&sslmode=disable',
    'postgres://a@db.example/c?ssl=false',
    'postgres://a@db.example/c?sslrootcert=/x',
    'postgres://a@db.example/c?host=elsewhere.example',
    'postgres://a@db.example/c?options=-c%20row_security%3Doff',
    `postgres://a@db.example/${'c'.repeat(2000)}`,
  ]
  for (const url of wrong) {
    test(url.slice(0, 70) || 'that is empty', () => {
      const [mistake = '', ...others] = mistakesOf(url)
      assert.match(mistake, /^LOCKET_DATABASE_URL: expected postgres:\/\/USER/)
      assert.deepEqual(others, [])
    })
  }
})

test('a URL is shown without its password', () => {
  assert.equal(
    withoutPassword('postgres://a:s3cret@db.example/c?sslmode=require'),
    'postgres://a:********@db.example/c?sslmode=require',
  )
  assert.equal(withoutPassword('postgres://a@db.example/c'), 'postgres://a@db.example/c')
})
