import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logRows } from '../../test/audit-log-rows.ts'
import { failsWith, openStores, type Stores } from '../../test/stores.ts'
import type { Cell } from '../../test/test-data.ts'
import { systemClock } from '../core/clock.ts'
import { newId } from '../core/ids.ts'
import type { Sealed } from '../crypto/aead.ts'
import { hashed } from '../crypto/blind-index.ts'
import { dataKey } from '../crypto/data-key.ts'
import { sha256 } from '../crypto/digest.ts'
import type { KeySet } from '../crypto/keyring.ts'
import { getApiKey, insertApiKey } from '../features/api-keys/store.ts'
import { blockRows, insertBlock } from '../features/blocked-addresses/store.ts'
import { findEmail, insertEmail } from '../features/emails/store.ts'
import { getFactor, insertFactor } from '../features/factors/store.ts'
import {
  getIdentity,
  getProvider,
  insertIdentity,
  insertProvider,
} from '../features/identity-providers/store.ts'
import { findPasskey, insertPasskey } from '../features/passkeys/store.ts'
import { findLink, insertLink } from '../features/password-links/store.ts'
import { findPassword, putPassword } from '../features/passwords/store.ts'
import { findPrincipal, insertPrincipal } from '../features/principals/store.ts'
import { findRole, getGrant, grantsOf, insertGrant, writeRole } from '../features/roles/store.ts'
import { findSignIn, insertSignIn } from '../features/sign-ins/store.ts'
import { insertSigningKey, signingKeyRows } from '../features/signing-keys/store.ts'
import { findSpaceByHandle } from '../features/spaces/store.ts'
import { ownTenant } from '../features/tenants/store.ts'
import { type FamilyOrder, findFamily, insertFamily } from '../features/tokens/store.ts'
import type { Column } from './column.ts'
import { primaryKeys } from './primary-keys.ts'
import { checkRow, type PowerTable, rowMac } from './row-mac.ts'
import { type PrincipalId, type Tables, tables } from './tables.ts'
import type { TenantStore } from './tenant-store.ts'

const now = systemClock()
const handle = 'user:alice'

/** A provider, and whom it calls so. */
async function providerOf(store: TenantStore, by: PrincipalId) {
  const details = {
    name: 'idp',
    issuer: 'https://idp.example',
    algorithms: ['RS256'],
    tokenType: 'JWT',
    createUsers: false,
    rules: [],
    signIn: null,
  } as const
  const provider = await insertProvider(store, details, { now, by })
  const who = {
    provider: provider.provider_id,
    issuer: details.issuer,
    subject: 's',
    principal: by,
  }
  const identity = await insertIdentity(store, who, { now, by })
  return { provider, identity }
}

async function familyOf(
  store: TenantStore,
  of: Pick<FamilyOrder, 'principal' | 'credential'>,
): Promise<FamilyOrder['id']> {
  const id = newId('fam', systemClock)
  const given = { accessHash: sha256(Buffer.from('token')), refresh: true }
  await insertFamily(store, { ...of, ...given, id, expiresAt_ms: now + 1_000, now })
  return id
}

/** One row in every power table, and how a feature reads each of them. */
async function rowOfEach(stores: Stores) {
  await stores.space(handle)
  const made = await stores.write(async (store) => {
    const boss = await insertPrincipal(store, { handle: 'service:boss', name: null }, now)
    const { principal_id } = boss
    const definition = { name: 'own', description: '', permissions: ['*'], reach: 'own' } as const
    const stamps = { role_id: newId('rol', systemClock), created_at: now, updated_at: now }
    const role = await writeRole(store, definition, stamps)
    const given = { principal_id, role: 'admin', space_id: null, created_by: principal_id }
    const grant = await insertGrant(store, given, now)
    const { row: key } = await insertApiKey(store, {
      principalId: principal_id,
      createdBy: principal_id,
      details: { name: 'k', environment: null, scopes: null, addresses: null },
      expiresAt_ms: now,
      now,
    })
    await putPassword(store, principal_id, { hash: 'none', now })
    const order = { principalId: principal_id, createdBy: principal_id, now } as const
    const handed = { keyId: null, emailId: null }
    const link = await insertLink(store, { ...order, ...handed, kind: 'invitation' })
    const email = await insertEmail(store, { ...order, address: 'boss@corp.example' })
    const { provider, identity } = await providerOf(store, principal_id)
    const readsOfPeople = await signedIn(store, { principalId: principal_id, now })
    const family = await familyOf(store, { principal: principal_id, credential: key.key_id })
    await insertSigningKey(store, { now, signsFrom_ms: now })
    const block = { network: '192.0.2.1', reason: null, until_ms: null }
    await insertBlock(store, { ...block, createdBy: principal_id, now })
    return { boss, role, grant, key, link, email, provider, identity, readsOfPeople, family }
  })
  const readsOfLogs = await logRows(stores, now)
  const { boss, role, grant, key, link, email, provider, identity, readsOfPeople, family } = made
  const reads: Record<PowerTable, Reading> = {
    ...readsOfPeople,
    tenants: { where: `tenant_id = '${stores.tenant}'`, read: ownTenant },
    principals: {
      where: `principal_id = '${boss.principal_id}'`,
      read: (store) => findPrincipal(store, boss.principal_id),
    },
    token_families: { where: 'true', read: (store) => findFamily(store, family) },
    signing_keys: { where: 'true', read: signingKeyRows },
    api_keys: { where: 'true', read: (store) => getApiKey(store, key.key_id) },
    roles: { where: 'true', read: (store) => findRole(store, role.role_id) },
    grants: { where: 'true', read: (store) => getGrant(store, grant.grant_id) },
    passwords: { where: 'true', read: (store) => findPassword(store, boss.principal_id) },
    password_links: {
      where: 'true',
      read: (store) => findLink(store, { token: link.token, kind: 'invitation', now }),
    },
    principal_emails: { where: 'true', read: (store) => findEmail(store, email.email_id) },
    identity_providers: {
      where: 'true',
      read: (store) => getProvider(store, provider.provider_id),
    },
    external_identities: {
      where: 'true',
      read: (store) => getIdentity(store, identity.identity_id),
    },
    blocked_addresses: {
      where: 'true',
      read: async (store) => {
        const [row] = await blockRows(store, { after: '', limit: 1 })
        return row && store.checked('blocked_addresses', row)
      },
    },
    spaces: { where: 'true', read: (store) => findSpaceByHandle(store, handle) },
    ...readsOfLogs,
  }
  return reads
}

interface Reading {
  readonly where: string
  read(store: TenantStore): Promise<unknown>
}

/** Somebody who is signed in, with what he signs in by; and how each of it is read. */
async function signedIn(store: TenantStore, of: { principalId: PrincipalId; now: number }) {
  const origin = { address: null, userAgent: null }
  const proven = { method: 'password', factor: null } as const
  const { sign_in_id } = (await insertSignIn(store, { ...of, origin, proven })).row
  const data = { name: null, usedAt_ms: null, own: null }
  const { factor_id } = await insertFactor(store, { ...of, kind: 'totp', state: 'active', data })
  await insertPasskey(store, { factor_id, principal_id: of.principalId }, 'credential')
  const reading = (read: Reading['read']): Reading => ({ where: 'true', read })
  return {
    factors: reading((view) => getFactor(view, factor_id, 0)),
    passkeys: reading((view) => findPasskey(view, 'credential')),
    sign_ins: reading((view) => findSignIn(view, sign_in_id)),
  }
}

const powerTables = Object.keys(tables).filter(
  (name): name is PowerTable => 'mac' in tables[name as PowerTable],
)

/** Another value of the same type: what somebody with the file could write there. */
function forged(name: string, column: Column<unknown>, value: Cell): Cell {
  if (column.type === 'integer') return Number(value) + 1
  if (column.type === 'bytes') return new Uint8Array(value instanceof Uint8Array ? value.length : 1)
  return name === 'state' ? 'disabled' : `${value ?? ''}X`
}

/** What is looked up by is not in the answer when it was changed: then there is no such row. */
const lookedUpBy: Partial<Record<PowerTable, readonly string[]>> = {
  passkeys: ['credential_index'],
  spaces: ['handle_index'],
}

for (const table of powerTables) {
  const columns: Record<string, Column<unknown>> = tables[table]
  const keys: readonly string[] = [...primaryKeys[table], ...(lookedUpBy[table] ?? [])]
  for (const [name, column] of Object.entries(columns)) {
    if (keys.includes(name)) continue
    test(`${table}.${name} edited in the database is ${column.counter ? 'let pass' : 'noticed'}`, async (t) => {
      const stores = await openStores(t)
      const { where, read } = (await rowOfEach(stores))[table]
      assert.ok(await stores.read(read), 'it can be read before')
      const [row] = await stores.sql(`select ${name} as value from ${table} where ${where}`)
      const value = forged(name, column, row?.['value'] ?? null)
      await stores.sql(`update ${table} set ${name} = ? where ${where}`, value)
      if (column.counter) assert.ok(await stores.read(read))
      else await assert.rejects(stores.read(read), failsWith('integrity_failed'))
    })
  }
}

const nulled = powerTables.flatMap((table) =>
  Object.entries(tables[table] as Record<string, Column<unknown>>)
    .filter(([, column]) => column.nullable)
    .map(([name, { type }]) => ({ table, name, type })),
)

for (const { table, name, type } of nulled) {
  test(`${table}.${name} changed between null and a value is noticed`, async (t) => {
    const stores = await openStores(t)
    const { where, read } = (await rowOfEach(stores))[table]
    const value = name.endsWith('_at') ? 0 : ''
    const blank = type === 'bytes' ? new Uint8Array() : value
    const [row] = await stores.sql(`select ${name} as value from ${table} where ${where}`)
    const other = row?.['value'] === null ? blank : null
    await stores.sql(`update ${table} set ${name} = ? where ${where}`, other)
    await assert.rejects(stores.read(read), failsWith('integrity_failed'))
  })
}

test('grants that were edited are noticed where rights are worked out, too', async (t) => {
  const stores = await openStores(t)
  await rowOfEach(stores)
  const [alice] = await stores.sql("select principal_id from principals where kind = 'user'")
  const principal = alice?.['principal_id'] as 'usr_'
  await stores.sql('update grants set principal_id = ?', principal)
  await assert.rejects(
    stores.read((store) => grantsOf(store, principal)),
    failsWith('integrity_failed'),
  )
})

test('the content of one row does not pass in another', async (t) => {
  const stores = await openStores(t)
  const write = (name: string, permissions: readonly ['*'] | readonly ['memory:read']) =>
    stores.write((store) =>
      writeRole(
        store,
        { name, description: '', permissions, reach: 'tenant' },
        { role_id: newId('rol', systemClock), created_at: now, updated_at: now },
      ),
    )
  const weak = await write('weak', ['memory:read'])
  const strong = await write('strong', ['*'])
  const copy = (columns: string) =>
    stores.sql(
      `update roles set (${columns}) = (select ${columns} from roles where role_id = ?)
       where role_id = ?`,
      strong.role_id,
      weak.role_id,
    )
  for (const columns of ['definition', 'definition, mac', 'definition, mac, updated_at']) {
    await copy(columns)
    await assert.rejects(
      stores.read((store) => findRole(store, weak.role_id)),
      failsWith('integrity_failed'),
    )
  }
})

test('a row moved to another tenant is noticed there', async (t) => {
  const stores = await openStores(t)
  const { grants } = await rowOfEach(stores)
  const other = await stores.newTenant('other')
  await stores.sql('update grants set tenant_id = ?', other)
  await assert.rejects(stores.read(grants.read, other), failsWith('integrity_failed'))
})

const key = dataKey(new Uint8Array(32).fill(1), 1)
const keys: KeySet = { current: key, versions: [1], version: () => key }

const grantRow: Tables['grants'] = {
  tenant_id: 'ten_1',
  grant_id: 'grt_1',
  principal_id: 'usr_1',
  role: 'admin',
  space_id: null,
  created_at: 1,
  created_by: 'usr_1',
  mac: new Uint8Array(),
}

test('a MAC is of one table, one key and one content', () => {
  const mac = rowMac(key, 'grants', grantRow)
  assert.equal(checkRow(keys, 'grants', { ...grantRow, mac }).role, 'admin')
  const other = dataKey(new Uint8Array(32).fill(2), 1)
  assert.notDeepEqual(rowMac(other, 'grants', grantRow), mac)
  const variants: Partial<Tables['grants']>[] = [
    { role: 'admin2' },
    { role: 'admi', space_id: 'spc_n' },
    { created_at: 2 },
    { grant_id: 'grt_' as const, principal_id: 'usr_11' },
  ]
  for (const variant of variants) {
    assert.notDeepEqual(rowMac(key, 'grants', { ...grantRow, ...variant }), mac)
  }
})

for (const [what, mac] of [
  ['empty', new Uint8Array()],
  ['too short', new Uint8Array(35)],
  ['too long', new Uint8Array(37)],
  ['all zero', new Uint8Array(36)],
] as const) {
  test(`a MAC that is ${what} is no MAC`, () => {
    assert.throws(
      () => checkRow(keys, 'grants', { ...grantRow, mac }),
      failsWith('integrity_failed'),
    )
  })
}

const tenantRow: Tables['tenants'] = {
  tenant_id: 'ten_1',
  state: 'active',
  epoch: 1,
  slug_index: hashed(new Uint8Array(32)),
  profile: new Uint8Array(60) as Sealed,
  created_at: 1,
  updated_at: 2,
  mac: new Uint8Array(),
}

/** The key, and how often it was asked for a MAC. */
function countingKeys(material: number) {
  const real = dataKey(new Uint8Array(32).fill(material), 1)
  const counted = {
    macs: 0,
    key: {
      ...real,
      mac: (...args: Parameters<typeof real.mac>) => {
        counted.macs += 1
        return real.mac(...args)
      },
    },
  }
  const set: KeySet = { current: counted.key, versions: [1], version: () => counted.key }
  return { counted, set }
}

test('the row of a tenant that is the same to the last byte is checked once for each key', () => {
  const { counted, set } = countingKeys(1)
  const mac = rowMac(key, 'tenants', tenantRow)
  for (let read = 0; read < 3; read += 1) {
    const row = { ...structuredClone(tenantRow), epoch: read, mac: Uint8Array.from(mac) }
    assert.equal(checkRow(set, 'tenants', row as Tables['tenants']), row)
  }
  assert.equal(counted.macs, 1)
  const again = countingKeys(1)
  checkRow(again.set, 'tenants', { ...tenantRow, mac })
  assert.equal(again.counted.macs, 1, 'another key, or the same unwrapped anew')
})

const changes: readonly Partial<Tables['tenants']>[] = [
  { tenant_id: 'ten_2' },
  { state: 'disabled' },
  { slug_index: hashed(new Uint8Array(32).fill(1)) },
  { profile: new Uint8Array(61) as Sealed },
  { created_at: 2 },
  { updated_at: '2' as unknown as number },
  { mac: new Uint8Array(36).fill(0, 4) },
]

for (const change of changes) {
  test(`a tenant's ${Object.keys(change)} that changed after it was checked is noticed`, () => {
    const { set } = countingKeys(1)
    const row = { ...tenantRow, mac: rowMac(key, 'tenants', tenantRow) }
    checkRow(set, 'tenants', row)
    const changed = { ...row, ...change }
    if (change.mac) changed.mac = Uint8Array.from(row.mac, (byte, at) => byte ^ Number(at === 35))
    const noticed = failsWith('integrity_failed')
    assert.throws(() => checkRow(set, 'tenants', changed), noticed)
    assert.throws(() => checkRow(set, 'tenants', changed), noticed, 'also the second time')
    Object.assign(row, change)
    row.mac.set(changed.mac)
    assert.throws(() => checkRow(set, 'tenants', row), noticed, 'also in the row that was checked')
  })
}

test('rows of other tables are checked each time: a look at a foreign space takes as long as one at none', () => {
  const { counted, set } = countingKeys(1)
  const row = { ...grantRow, mac: rowMac(key, 'grants', grantRow) }
  for (let read = 0; read < 3; read += 1) checkRow(set, 'grants', row)
  assert.equal(counted.macs, 3)
})
