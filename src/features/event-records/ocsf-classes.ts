/**
 * Which class and activity of the Open Cybersecurity Schema Framework (OCSF 1.5.0, https://schema.ocsf.io/1.5.0)
 * an action is. What is not named here is API Activity, so that no event is without a class.
 */

export const ocsfVersion = '1.5.0'

export interface OcsfClass {
  readonly uid: number
  readonly name: string
  readonly category: number
  readonly categoryName: string
  readonly activities: Readonly<Record<string, number>>
}

const iam = { category: 3, categoryName: 'Identity & Access Management' } as const
const application = { category: 6, categoryName: 'Application Activity' } as const
const crud = { Create: 1, Read: 2, Update: 3, Delete: 4 } as const

/** The activities of each class that Locket has; `Other` (99) is in all of them. */
export const ocsfClasses = {
  account: {
    ...iam,
    uid: 3001,
    name: 'Account Change',
    activities: {
      Create: 1,
      Enable: 2,
      'Password Change': 3,
      'Password Reset': 4,
      Disable: 5,
      Delete: 6,
      'Attach Policy': 7,
      'Detach Policy': 8,
      'MFA Factor Enable': 10,
      'MFA Factor Disable': 11,
    },
  },
  authentication: {
    ...iam,
    uid: 3002,
    name: 'Authentication',
    activities: { Logon: 1, Logoff: 2, Preauth: 6 },
  },
  entity: { ...iam, uid: 3004, name: 'Entity Management', activities: crud },
  lifecycle: {
    ...application,
    uid: 6002,
    name: 'Application Lifecycle',
    activities: { Install: 1, Start: 3, Stop: 4 },
  },
  api: { ...application, uid: 6003, name: 'API Activity', activities: crud },
} as const satisfies Readonly<Record<string, OcsfClass>>

export type OcsfClassName = keyof typeof ocsfClasses

export interface OcsfActivity {
  readonly class: OcsfClassName
  readonly id: number
  /** The caption of the schema; of `Other`, the action itself, as the schema asks for. */
  readonly name: string
}

const accounts: Readonly<Record<string, keyof (typeof ocsfClasses)['account']['activities']>> = {
  'principal.created': 'Create',
  'principal.deleted': 'Delete',
  'invitation.created': 'Create',
  'invitation.accepted': 'Enable',
  'external-identity.created': 'Create',
  'password.changed': 'Password Change',
  'password-reset.created': 'Password Reset',
  'password-reset.requested': 'Password Reset',
  'password-reset.completed': 'Password Reset',
  'factor.confirmed': 'MFA Factor Enable',
  'factor.recovery-codes-created': 'MFA Factor Enable',
  'factor.deleted': 'MFA Factor Disable',
  'grant.created': 'Attach Policy',
  'grant.deleted': 'Detach Policy',
}

const authentications: Readonly<
  Record<string, keyof (typeof ocsfClasses)['authentication']['activities']>
> = {
  'sign-in.created': 'Logon',
  'sign-in.begun': 'Preauth',
  'sign-in.challenged': 'Preauth',
  'sign-in.passkey-asked': 'Preauth',
  'sign-in.confirmed': 'Logon',
  'sign-in.ended': 'Logoff',
  'sign-in.all-ended': 'Logoff',
  'provider-sign-in.started': 'Preauth',
  'token.created': 'Logon',
  'token.exchanged': 'Logon',
  'token.revoked': 'Logoff',
}

const lifecycles: Readonly<Record<string, keyof (typeof ocsfClasses)['lifecycle']['activities']>> =
  {
    'instance.initialised': 'Install',
    'server.started': 'Start',
    'server.stopped': 'Stop',
  }

/** What is managed: who may do what, by which keys, and the places that hold memories. */
const entities: readonly string[] = [
  'tenant',
  'space',
  'principal',
  'invitation',
  'email',
  'role',
  'grant',
  'factor',
  'sign-in',
  'sign-in-policy',
  'api-key',
  'token',
  'identity-provider',
  'external-identity',
  'blocked-address',
  'encryption-key',
  'signing-key',
  'checkpoint-key',
  'witness-key',
  'witnessed-log',
  'root-key',
  'audit-retention',
  'legal-hold',
]

const verbs: Readonly<Record<string, keyof typeof crud>> = {
  created: 'Create',
  stored: 'Create',
  'stored-batch': 'Create',
  recovered: 'Create',
  placed: 'Create',
  read: 'Read',
  'history-read': 'Read',
  listed: 'Read',
  'own-listed': 'Read',
  'sessions-listed': 'Read',
  recalled: 'Read',
  queried: 'Read',
  exported: 'Read',
  explained: 'Read',
  verified: 'Read',
  updated: 'Update',
  rotated: 'Update',
  refreshed: 'Update',
  restored: 'Update',
  compacted: 'Update',
  proven: 'Update',
  embedded: 'Update',
  deleted: 'Delete',
  'deleted-again': 'Delete',
  'deleted-matching': 'Delete',
  lifted: 'Delete',
  purged: 'Delete',
  pruned: 'Delete',
  expired: 'Delete',
  revoked: 'Delete',
}

/** What an action is, of those that are not made yet, too. */
export function ocsfActivity(action: string): OcsfActivity {
  for (const [name, known] of [
    ['account', accounts],
    ['authentication', authentications],
    ['lifecycle', lifecycles],
  ] as const) {
    const activity = known[action]
    if (activity !== undefined) return activityOf(name, action, activity)
  }
  const [noun = '', verb = ''] = action.split('.')
  return activityOf(entities.includes(noun) ? 'entity' : 'api', action, verbs[verb])
}

function activityOf(
  name: OcsfClassName,
  action: string,
  activity: string | undefined,
): OcsfActivity {
  const { activities }: OcsfClass = ocsfClasses[name]
  const id = activity === undefined ? undefined : activities[activity]
  if (activity === undefined || id === undefined) return { class: name, id: 99, name: action }
  return { class: name, id, name: activity }
}
