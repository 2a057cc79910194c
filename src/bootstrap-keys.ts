/** The keys that `init`, `start` and `keys recover` have shown at a terminal, where logs keep them. */

import { ConfigError, type ServerSettings } from './config/config.ts'
import { setupOf } from './config/setup.ts'
import { toTimestamp } from './core/clock.ts'
import { livingBootstrapKeys } from './features/api-keys/appoint.ts'
import { tenantIds } from './features/tenants/store.ts'
import type { Instance } from './instance.ts'
import type { Database } from './storage/database.ts'
import { instanceStore, tenantStore } from './storage/tenant-store.ts'

export interface BootstrapKey {
  readonly id: string
  /** When it ends by itself. */
  readonly expiresAt: string | null
}

/** What is asked of an instance that may be served by another process. */
interface Readable extends Pick<Instance, 'keys' | 'clock'> {
  readonly database: Pick<Database, 'read'>
}

/**
 * Those of the first tenant that would still be taken: its administrator is the instance's. The
 * keys of other tenants come in the answer to the one who makes the tenant, and are his to hand on.
 */
export async function bootstrapKeys(instance: Readable): Promise<readonly BootstrapKey[]> {
  const { database, keys, clock } = instance
  return database.read(async (tx) => {
    const [first] = await tenantIds(instanceStore(tx, keys), { after: '', limit: 1 })
    if (!first) return []
    const rows = await livingBootstrapKeys(tenantStore(tx, keys, first), clock())
    return rows.map((row) => ({
      id: row.key_id,
      expiresAt: row.expires_at === null ? null : toTimestamp(row.expires_at),
    }))
  })
}

/** Throws `ConfigError` while one is alive, with all that the operator has to do. */
export async function refuseBootstrapKeys(
  instance: Readable,
  settings: ServerSettings,
): Promise<void> {
  const alive = await bootstrapKeys(instance)
  if (alive.length === 0) return
  const ids = alive.map(({ id }) => id)
  const { command, url } = setupOf(settings)
  throw new ConfigError([
    `Production does not start while a bootstrap key is alive (${ids.join(', ')}). Serve to yourself alone:`,
    `  ${command} &`,
    `  export LOCKET_URL=${url ?? 'http://127.0.0.1:PORT    # the one that it prints'}`,
    'Make a key of your own with the bootstrap key, and with your own end that one:',
    '  LOCKET_API_KEY=lk_… locket keys create NAME',
    ...ids.map((id) => `  LOCKET_API_KEY=lk_… locket keys revoke ${id}`),
    'Then end that server, and start again.',
  ])
}
