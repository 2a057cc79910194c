import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { newId } from '../core/ids.ts'
import { newTenantToken, ownerOfToken } from './tenant-token.ts'

const tenant = newId('ten', systemClock)
const id = newId('lnk', systemClock)

test('a token says whose it is, and holds 256 bits of chance [V11.5.1]', () => {
  const [one, other] = [
    newTenantToken('lki', { tenant, id }),
    newTenantToken('lki', { tenant, id }),
  ]
  assert.match(one, /^lki_[0-9A-Z]{26}_[0-9A-Z]{26}_[0-9A-Za-z]{43}$/)
  assert.notEqual(one, other)
  assert.deepEqual(ownerOfToken('lki', 'lnk', one), { tenant, id })
})

test('what is not quite one is nobody’s', () => {
  const good = newTenantToken('lki', { tenant, id })
  const [mark = '', ten = '', row = '', secret = ''] = good.split('_')
  const bad = [
    '',
    'lki_',
    good.slice(0, -1),
    `${good}0`,
    `${good}_0`,
    `${good}\n`,
    ` ${good}`,
    good.toLowerCase(),
    [mark, row, secret].join('_'),
    ['lk', ten, row, secret].join('_'),
    [mark, ten.slice(1), row, secret].join('_'),
    [mark, ten, `8${row.slice(1)}`, secret].join('_'),
    [mark, ten, row, `${secret.slice(1)}-`].join('_'),
    good + 'x'.repeat(10_000),
  ]
  for (const text of bad) assert.equal(ownerOfToken('lki', 'lnk', text), null, text)
})
