/** Keys that were overwritten leave the files of PostgreSQL. */
import { LocketError } from '../core/errors.ts'
import { appRole } from './migrations/postgres.ts'
import type { PoolClient } from './postgres-connection.ts'

const lock_ms_max = 200

/**
 * Writes the table of keys anew and tells how many overwritten rows the server kept all the same. It
 * keeps those that died after the oldest change that runs anywhere on it began, in other databases
 * too, or the oldest read of this one, whether that looks at them or not.
 *
 * @throws when the table is not to be had at once, or when the server does not say what it kept.
 */
export async function writeKeysAnew(client: PoolClient): Promise<number> {
  let kept: number | undefined
  // In the language of the server, and the number first in all of them.
  const hear = ({ detail }: { detail?: string | undefined }): void => {
    const number = /^\D*(\d+)/.exec(detail ?? '')?.[1]
    if (number !== undefined) kept = Number(number)
  }
  client.on('notice', hear)
  try {
    await client.query(
      `BEGIN; SET LOCAL lock_timeout = ${lock_ms_max}; SET LOCAL ROLE ${appRole};
       SELECT locket.scrub(); COMMIT`,
    )
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  } finally {
    client.off('notice', hear)
  }
  if (kept === undefined)
    throw new LocketError('unavailable', 'PostgreSQL did not say what it kept.')
  return kept
}
