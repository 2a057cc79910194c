/** The settings of the listener that metrics are asked of. */
import { setting } from './setting.ts'
import { Host, Switch, wholeNumber } from './shapes.ts'

export const defaultMetricsPort = 9090

export const metricsSettings = {
  metrics: setting({
    flag: 'metrics',
    env: 'LOCKET_METRICS',
    expects: 'on or off',
    kind: 'switch',
    default: 'on',
    description: 'Whether Prometheus can ask for metrics, on a listener of their own.',
    schema: Switch,
  }),
  metricsPort: setting({
    flag: 'metrics-port',
    env: 'LOCKET_METRICS_PORT',
    expects: 'a port from 0 to 65535',
    kind: 'number',
    default: null,
    fallback: `${defaultMetricsPort}, or none where that is taken`,
    description:
      'The port of the metrics; one that is named must be free, and 0 takes any that is.',
    schema: wholeNumber(0, 65_535),
  }),
  metricsHost: setting({
    flag: 'metrics-host',
    env: 'LOCKET_METRICS_HOST',
    expects: 'a host name or an IP address',
    default: '127.0.0.1',
    description: 'The address of the metrics; whoever reaches it reads them without a credential.',
    schema: Host,
  }),
  metricsExposed: setting({
    flag: 'metrics-exposed',
    env: 'LOCKET_METRICS_EXPOSED',
    expects: 'on or off',
    kind: 'switch',
    default: 'off',
    description:
      'Says that only operators reach metrics-host, though it is not this machine alone; in production it has to be said.',
    schema: Switch,
  }),
}
