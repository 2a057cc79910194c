/** Settings of traces: where they are sent, of how many requests, and whose word on them is taken. */
import { z } from 'zod'
import { setting } from './setting.ts'
import { BaseUrl, Networks } from './shapes.ts'

/** A share, as `0.05` or `1`. */
const Share = z
  .string()
  .regex(/^(?:0|1|0?\.\d{1,6}|1\.0{1,6})$/)
  .transform(Number)

export const traceSettings = {
  traceEndpoint: setting({
    flag: 'trace-endpoint',
    env: 'LOCKET_TRACE_ENDPOINT',
    expects: 'an http or https URL as browsers write it, without query or fragment',
    default: null,
    fallback: 'none: nothing is traced',
    description:
      'Where traces are sent: a collector that takes OTLP over HTTP as JSON, up to where /v1/traces follows.',
    schema: BaseUrl,
  }),
  traceSample: setting({
    flag: 'trace-sample',
    env: 'LOCKET_TRACE_SAMPLE',
    expects: 'a share from 0 to 1, such as 0.05',
    default: '1',
    description: 'Which share of requests is traced, drawn by lot; callers have no say in it.',
    schema: Share,
  }),
  traceParents: setting({
    flag: 'trace-parents',
    env: 'LOCKET_TRACE_PARENTS',
    expects: 'IP addresses and networks such as 10.0.0.0/8',
    kind: 'list',
    default: null,
    fallback: 'none',
    description:
      'The callers whose word is taken on which trace their request is a part of (traceparent).',
    schema: Networks,
  }),
}
