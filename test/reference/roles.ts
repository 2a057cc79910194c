/** docs/reference/roles.md: the authorization matrix, role by action by what it acts on. */
import { expandAll, type Permission, permissions } from '../../src/core/permissions.ts'
import { needs, reasons } from '../../src/features/decisions/decision.ts'
import { type Preset, presetOf, presets } from '../../src/features/roles/role.ts'
import { kindsOf, type Operation, permissionsOf } from '../../src/kernel/operation.ts'
import { holds, overSpace, overTenant, type Reach, type Rights } from '../../src/kernel/rights.ts'
import { operations } from '../../src/operations.ts'
import { code, type Page, page, table } from './markdown.ts'

const names = Object.keys(presets) as Preset[]
const principal = 'usr_00000000000000000000000001'
const own = { id: 'spc_00000000000000000000000001', ownerId: principal } as const
const other = { id: 'spc_00000000000000000000000002', ownerId: null } as const

export function rolesPage(): Page {
  const described = names.map((name) => [code(name), presets[name].description])
  const head = ['', ...names.map(code)]
  const byPermission = permissions.map((permission) => [
    code(permission),
    ...names.map((name) => permissionCell(name, permission)),
  ])
  return page('roles.md', 'Roles', [
    `The presets. \`readonly\` is another name for \`${presetOf('readonly')}\`.`,
    table(['preset', 'for'], described),
    '## What each may',
    '`tenant`: everywhere in the tenant, or in one space where the role is granted for a space. `own`: in ' +
      'the spaces that the principal owns, or in the space it is granted for. Empty: no. `self:read` ' +
      'comes with being somebody: no role gives it, no scope takes it away.',
    table(head, byPermission),
    '## Which operations that opens',
    'By what an operation acts on. `yes`: whatever it is. `all`: in every space of the tenant. `own`: in ' +
      'the spaces that the principal owns. Empty: no. An operation that needs one of several permissions, ' +
      'depending on its input, is open to whoever has one of them, for that part.',
    table(
      ['', 'acts on', ...names.map(code)],
      rowsFor((name) => presets[name].reach),
    ),
    '## When the role is granted for one space',
    '`there`: in that space. `yes`: it acts on nothing but oneself; a list of spaces then holds that one. ' +
      'What acts on the tenant or the instance is not opened by such a grant; those operations are left out.',
    table(
      ['', 'acts on', ...names.map(code)],
      rowsFor(() => other.id).filter((row) => row.slice(2).some((cell) => cell !== '')),
    ),
    '## Why not',
    'The reasons that `POST /v1/authorize` gives, and the code that a call is answered with.',
    table(
      ['reason', 'means', 'code'],
      Object.entries(reasons).map(([reason, told]) => [code(reason), told.means, code(told.code)]),
    ),
    '## What an answer leaves open',
    '`needs` of an answer: what a yes still hangs on, because of the credential or of how it is shown.',
    table(
      ['need', 'means'],
      Object.entries(needs).map(([need, means]) => [code(need), means]),
    ),
  ])
}

function permissionCell(name: Preset, permission: Permission): string {
  if (permission === 'self:read') return 'yes'
  return expandAll(presets[name].permissions).has(permission) ? presets[name].reach : ''
}

function rowsFor(reachOf: (name: Preset) => Reach): string[][] {
  return operations.map((operation) => [
    code(operation.id),
    kindsOf(operation).join(', ').replace('spaces', 'space'),
    ...names.map((name) => operationCell(operation, rightsOf(name, reachOf(name)))),
  ])
}

/** What a principal has who was granted that role, this far. */
function rightsOf(name: Preset, reach: Reach): Rights {
  const granted = { grant: name, reach, permissions: expandAll(presets[name].permissions) }
  return [granted, { grant: 'self', reach: 'own', permissions: new Set(['self:read']) }]
}

/** Decided by the functions that decide on calls. */
function operationCell(operation: Operation, rights: Rights): string {
  if (operation.permission === 'public') return 'yes'
  const cells = kindsOf(operation).flatMap((kind) =>
    permissionsOf(operation).map((permission) => {
      if (kind === 'self') return holds(rights, permission) ? 'yes' : ''
      if (kind === 'tenant' || kind === 'instance')
        return overTenant(rights, permission) ? 'yes' : ''
      return spaceCell(rights, permission)
    }),
  )
  return cells.find((cell) => cell !== '') ?? ''
}

function spaceCell(rights: Rights, permission: Permission): string {
  const mayIn = (space: typeof own | typeof other): boolean =>
    overSpace(rights, permission, { space, principal }) !== null
  if (mayIn(other)) return mayIn(own) ? 'all' : 'there'
  return mayIn(own) ? 'own' : ''
}
