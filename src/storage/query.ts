/**
 * Queries are compiled once and run many times: compiling costs more than running (measured), and
 * a query that is a constant cannot be built from a caller's words.
 */
import {
  type Compilable,
  type CompiledQuery,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Tables } from './tables.ts'

/** Stands for an argument while the query is being compiled. */
class Marker {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

export interface Query<Args, Row> {
  /** The text with placeholders, and the values for them in order. */
  readonly sql: string
  values(args: Args): unknown[]
  /** Only for the compiler. */
  readonly row?: Row
}

const sqlite = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
})

/**
 * Declares a query: `build` gets the query builder and a stand-in for each argument.
 *
 *   const byId = query((db, arg: Args<{ tenant: string; id: string }>) => db.selectFrom(…)…)
 */
export function query<Args extends object, Row>(
  build: (db: Kysely<Tables>, args: Args) => Compilable<Row>,
): Query<Args, Row> {
  let compiled: CompiledQuery<Row> | undefined
  const compile = (): CompiledQuery<Row> => {
    compiled ??= build(sqlite, markers<Args>()).compile()
    return compiled
  }
  return {
    get sql() {
      return compile().sql
    },
    values: (args) =>
      compile().parameters.map((parameter) =>
        parameter instanceof Marker ? argument(args, parameter.name) : parameter,
      ),
  }
}

function markers<Args extends object>(): Args {
  return new Proxy({} as Args, { get: (_, name) => new Marker(String(name)) })
}

function argument(args: object, name: string): unknown {
  const value: unknown = Reflect.get(args, name)
  if (value === undefined) throw new Error(`query argument is missing: ${name}`)
  return value
}
