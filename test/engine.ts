/** Which engine this run of the tests is about. */
import type { Engine } from '../src/storage/query.ts'

/** SQLite, unless the environment asks for the other: `LOCKET_TEST_ENGINE=postgres`. */
export const engine: Engine = engineOf(process.env['LOCKET_TEST_ENGINE'])

function engineOf(name = 'sqlite'): Engine {
  if (name === 'sqlite' || name === 'postgres') return name
  throw new Error(`LOCKET_TEST_ENGINE is sqlite or postgres, not ${name}`)
}

/** Options of a test that is about one engine alone: on the other it is skipped, and says why. */
export function onlyOn(wanted: Engine, why: string): { readonly skip: string | false } {
  return { skip: engine === wanted ? false : `only on ${wanted}: ${why}` }
}
