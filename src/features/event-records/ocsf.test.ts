/** Every event that there can be is valid OCSF 1.5.0, by what the published schema says of its classes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sampleId as id, wholeRecord as whole } from '../../../test/event-record.ts'
import { allActions } from '../../../test/reference/events.ts'
import type { EventRecord } from './event-record.ts'
import { toOcsf } from './ocsf.ts'
import { ocsfActivity, ocsfClasses } from './ocsf-classes.ts'

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

interface Shape {
  readonly required?: readonly string[]
  readonly oneOf?: readonly string[]
  readonly known: readonly string[]
  /** Which of them are objects, and of what shape; arrays of them, too. */
  readonly objects?: Readonly<Record<string, Shape>>
}

const user: Shape = {
  oneOf: words('account name uid'),
  known: words('account credential_uid domain email_addr groups name org type type_id uid uid_alt'),
}

const call: Readonly<Record<string, Shape>> = {
  actor: {
    oneOf: words('process user invoked_by session app_name app_uid'),
    known: words('app_name app_uid authorizations idp invoked_by process session user'),
    objects: {
      user,
      authorizations: {
        known: words('decision policy'),
        objects: {
          policy: { oneOf: words('name uid'), known: words('desc group name uid version') },
        },
      },
    },
  },
  src_endpoint: {
    oneOf: words(`ip uid name hostname svc_name instance_uid interface_uid interface_name domain`),
    known: words('domain hostname instance_uid ip name port svc_name type type_id uid'),
  },
  http_request: { known: words('http_headers http_method referrer uid url user_agent version') },
}

const metadata: Shape = {
  required: words('product version'),
  known: words(`correlation_uid event_code labels log_level log_name log_provider log_version
    logged_time original_time processed_time product profiles sequence tags tenant_uid uid version`),
  objects: {
    product: {
      oneOf: words('name uid'),
      known: words('feature lang name path uid url_string vendor_name version'),
    },
  },
}

/** What all classes have. */
const base = {
  required: words('activity_id category_uid class_uid metadata severity_id time type_uid'),
  known: words(`activity_id activity_name category_name category_uid class_name class_uid count
    duration end_time message metadata observables raw_data severity severity_id start_time status
    status_code status_detail status_id time timezone_offset type_name type_uid unmapped`),
}

const ofIam = words('actor http_request http_response src_endpoint')
const service: Shape = { oneOf: words('name uid'), known: words('labels name tags uid version') }

/** By class: its own attributes and activities, as of schema.ocsf.io/1.5.0. */
const classes: Readonly<Record<number, Shape & { readonly activities: readonly number[] }>> = {
  3001: {
    activities: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    required: ['user'],
    known: [...ofIam, ...words('policies policy user user_result')],
    objects: { ...call, user },
  },
  3002: {
    activities: [1, 2, 3, 4, 5, 6],
    required: ['user'],
    oneOf: words('service dst_endpoint'),
    known: [...ofIam, ...words('dst_endpoint is_mfa is_remote service session user')],
    objects: { ...call, user, service },
  },
  3004: {
    activities: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
    required: ['entity'],
    known: [...ofIam, ...words('access_list access_mask comment entity entity_result')],
    objects: {
      ...call,
      entity: {
        oneOf: words('name uid device group org policy user'),
        known: words('data device email group name org policy type type_id uid user version'),
      },
    },
  },
  6002: {
    activities: [1, 2, 3, 4, 5, 6, 7, 8],
    required: ['app'],
    known: ['app'],
    objects: { app: { oneOf: words('uid name'), known: words('name owner uid url version') } },
  },
  6003: {
    activities: [1, 2, 3, 4],
    required: words('actor api src_endpoint'),
    known: words('actor api dst_endpoint http_request http_response resources src_endpoint'),
    objects: {
      ...call,
      api: {
        required: ['operation'],
        known: words('group operation request response service version'),
        objects: {
          service,
          request: { required: ['uid'], known: words('containers data flags uid') },
          response: { known: words('code containers data error error_message flags message') },
        },
      },
      resources: {
        oneOf: words('name uid'),
        known: words('criticality data group labels name namespace owner type uid version'),
      },
    },
  },
}

function check(place: string, value: unknown, shape: Shape): void {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), place)
  const names = Object.keys(value)
  for (const name of shape.required ?? []) assert.ok(names.includes(name), `${place}: no ${name}`)
  if (shape.oneOf)
    assert.ok(
      shape.oneOf.some((one) => names.includes(one)),
      `${place}: none of`,
    )
  for (const [name, inner] of Object.entries(value)) {
    assert.ok(shape.known.includes(name), `${place}: ${name} is not in the schema`)
    assert.ok(inner !== null && inner !== undefined && inner !== '', `${place}.${name} is empty`)
    const deeper = shape.objects?.[name]
    if (deeper) for (const one of [inner].flat()) check(`${place}.${name}`, one, deeper)
  }
}

function assertValid(record: EventRecord): Record<string, unknown> {
  const event = JSON.parse(JSON.stringify(toOcsf(record)))
  const shape = classes[event.class_uid]
  assert.ok(shape, `${record.action}: class ${event.class_uid}`)
  const objects = { ...shape.objects, metadata }
  check(record.action, event, { ...shape, known: [...base.known, ...shape.known], objects })
  check(record.action, event, { required: base.required, known: Object.keys(event) })
  assert.ok([0, 99, ...shape.activities].includes(event.activity_id), record.action)
  assert.equal(event.category_uid, Math.floor(event.class_uid / 1000), record.action)
  assert.equal(event.type_uid, event.class_uid * 100 + event.activity_id, record.action)
  assert.ok([0, 1, 2, 3, 4, 5, 6, 99].includes(event.severity_id), record.action)
  assert.ok([0, 1, 2, 99].includes(event.status_id), record.action)
  assert.ok(Number.isSafeInteger(event.time) && event.time > 1e12, record.action)
  assert.equal(event.metadata.version, '1.5.0')
  return event
}

/** What an event looks like when its keys are destroyed, and one of nobody and of the server itself. */
const variants: readonly Partial<EventRecord>[] = [
  {},
  { outcome: 'denied', code: 'permission_denied', decision: null, leaf: null },
  { outcome: 'failed', code: 'integrity_failed', spaceId: null, resourceId: null },
  {
    actor: { id: id('usr'), kind: null, credentialId: null, method: null },
    ...{ requestId: null, door: null, decision: null, address: null, userAgent: null },
    ...{ onBehalfOf: null, details: {}, erased: true },
  },
  {
    actor: null,
    ...{ onBehalfOf: null, requestId: null, door: null, decision: null, address: null },
    ...{ userAgent: null, resourceId: null, spaceId: null, class: 'system' as const },
  },
]

describe('an event as OCSF', () => {
  test('is valid, whatever was done and however little is known of it', () => {
    for (const action of [...allActions, 'something.new', 'odd']) {
      for (const variant of variants) assertValid({ ...whole, action, ...variant })
    }
  })

  test('has only activities that its class has', () => {
    for (const { uid, activities } of Object.values(ocsfClasses)) {
      const known = classes[uid]?.activities ?? []
      for (const activity of Object.values(activities)) assert.ok(known.includes(activity))
    }
  })

  test('says who did what to what from where', () => {
    const event = assertValid(whole)
    assert.deepEqual(
      [event['class_uid'], event['activity_id'], event['status_id'], event['severity_id']],
      [6003, 1, 1, 1],
    )
    assert.deepEqual(event['actor'], {
      user: { uid: id('agt'), type_id: 99, type: 'Agent', credential_uid: id('key') },
      authorizations: [{ decision: 'Allowed', policy: { uid: id('grt') } }],
    })
    assert.deepEqual(event['src_endpoint'], { ip: '192.0.2.1' })
    assert.deepEqual(event['resources'], [
      { uid: id('mem'), type: 'memory' },
      { uid: id('spc'), type: 'space' },
    ])
  })

  test('tells accounts, sign-ins, what is managed and the server apart', () => {
    const seen = words(`principal.deleted sign-in.created role.updated server.started
      memory.recalled something.new`).map((action) => {
      const { class: name, id: activity } = ocsfActivity(action)
      return [action, ocsfClasses[name].uid, activity]
    })
    assert.deepEqual(seen, [
      ['principal.deleted', 3001, 6],
      ['sign-in.created', 3002, 1],
      ['role.updated', 3004, 3],
      ['server.started', 6002, 3],
      ['memory.recalled', 6003, 2],
      ['something.new', 6003, 99],
    ])
  })

  test('names whom it was done to: not who did it, where that is another', () => {
    const user = (change: Partial<EventRecord>): unknown =>
      assertValid({ ...whole, ...change })['user']
    const target = id('usr')
    const granted = { action: 'grant.created', resourceId: target }
    assert.equal(Reflect.get(Object(user(granted)), 'uid'), target)
    const noted = { changes: [{ kind: 'totp', principal: target }] }
    const removed = { action: 'factor.deleted', resourceId: id('fac'), details: noted }
    assert.equal(Reflect.get(Object(user(removed)), 'uid'), target)
    const revoked = { action: 'grant.deleted', resourceId: id('grt') }
    assert.deepEqual(user(revoked), { name: 'unknown', type_id: 0, type: 'Unknown' })
  })

  test('of calls that were only counted has their number', () => {
    const event = assertValid({ ...whole, action: 'requests.refused', details: { count: 12 } })
    assert.equal(event['count'], 12)
  })
})
