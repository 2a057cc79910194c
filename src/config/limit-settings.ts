/** Settings of what holds callers back. */
import { withoutPassword } from './database-url.ts'
import { RedisUrlField } from './redis-url.ts'
import { secretSetting } from './secret-settings.ts'
import { setting } from './setting.ts'
import { Networks, Path, RateLimits } from './shapes.ts'

export const limitSettings = {
  blockedAddresses: setting({
    flag: 'blocked-addresses',
    env: 'LOCKET_BLOCKED_ADDRESSES',
    expects: 'IP addresses and networks such as 203.0.113.0/24',
    kind: 'list',
    default: null,
    fallback: 'none',
    description: 'Where nothing is answered that comes from there, whatever it shows.',
    schema: Networks,
  }),
  redisUrl: setting({
    flag: 'redis-url',
    env: 'LOCKET_REDIS_URL',
    expects: 'redis[s]://[USER[:PASSWORD]@]HOST[:PORT][/NUMBER], without a parameter',
    default: null,
    fallback: 'none: each node counts for itself',
    description: 'The Valkey or Redis in which nodes share their limits.',
    mask: withoutPassword,
    schema: RedisUrlField,
  }),
  redisPassword: secretSetting({
    flag: 'redis-password',
    env: 'LOCKET_REDIS_PASSWORD',
    description: 'Its password, instead of the URL; a new one needs no restart.',
  }),
  redisCa: setting({
    flag: 'redis-ca',
    env: 'LOCKET_REDIS_CA',
    expects: 'a file',
    default: null,
    fallback: 'the authorities that Node trusts',
    description: 'The authority (PEM) that has signed its certificate.',
    schema: Path,
  }),
  rateLimits: setting({
    flag: 'rate-limits',
    env: 'LOCKET_RATE_LIMITS',
    expects: 'budgets such as read.credential=50000/10 or sign-in.address=120/60/60',
    kind: 'list',
    default: null,
    fallback: 'none: as `locket config limits` shows',
    description:
      'Budgets other than the default: NAME=REQUESTS/SECONDS, and /BURST when fewer may come at once.',
    schema: RateLimits,
  }),
}
