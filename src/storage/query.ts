/**
 * Queries are compiled once and run many times: compiling costs more than running (measured), and
 * a query that is a constant cannot be built from a caller's words.
 */
import {
  type Compilable,
  type CompiledQuery,
  type Dialect,
  DummyDriver,
  Kysely,
  type LimitNode,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely'
import { Fault } from '../core/fault.ts'
import type { Id } from '../core/ids.ts'
import type { Tables } from './tables.ts'

export type Engine = 'sqlite' | 'postgres'

/** Stands for an argument while the query is being compiled. */
class Marker {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

export interface Query<Args, Row> {
  /** The text with placeholders, as the engine reads it. */
  sql(engine: Engine): string
  /**
   * The values for the placeholders, in order; the same for every engine. With `tenant`, that is the
   * argument of this name, whatever the arguments say.
   */
  values(args: Args, tenant?: Id<'ten'>): unknown[]
  /** Only for the compiler. */
  readonly row?: Row
}

/** All tables are in a schema of their own there, so that nobody's search path decides which are meant. */
export const postgresSchema = 'locket'

/**
 * SQLite plans a statement anew at each run when a parameter alone is its limit, since the number might
 * change the plan; that takes several times as long as a look-up (measured). It does not for a sum.
 */
class PlannedOnce extends SqliteQueryCompiler {
  protected override visitLimit(node: LimitNode): void {
    super.visitLimit(node)
    this.append(' + 0')
  }
}

const sqlite: Dialect = {
  createAdapter: () => new SqliteAdapter(),
  createDriver: () => new DummyDriver(),
  createIntrospector: (db) => new SqliteIntrospector(db),
  createQueryCompiler: () => new PlannedOnce(),
}

const postgres: Dialect = {
  createAdapter: () => new PostgresAdapter(),
  createDriver: () => new DummyDriver(),
  createIntrospector: (db) => new PostgresIntrospector(db),
  createQueryCompiler: () => new PostgresQueryCompiler(),
}

const builders: Readonly<Record<Engine, Kysely<Tables>>> = {
  sqlite: new Kysely<Tables>({ dialect: sqlite }),
  postgres: new Kysely<Tables>({ dialect: postgres }).withSchema(postgresSchema),
}

type Build<Args extends object, Row> = (db: Kysely<Tables>, args: Args) => Compilable<Row>

/**
 * Declares a query: `build` gets the query builder and a stand-in for each argument.
 *
 *   const byId = query((db, arg: Args<{ tenant: string; id: string }>) => db.selectFrom(…)…)
 */
export function query<Args extends object, Row>(build: Build<Args, Row>): Query<Args, Row> {
  return new CompiledOnce(build)
}

/** Every statement of every request comes through here: a field for each engine, and plain loops. */
class CompiledOnce<Args extends object, Row> implements Query<Args, Row> {
  readonly #build: Build<Args, Row>
  readonly #texts: Record<Engine, string | undefined> = { sqlite: undefined, postgres: undefined }
  #slots: readonly unknown[] | undefined

  constructor(build: Build<Args, Row>) {
    this.#build = build
  }

  sql(engine: Engine): string {
    return this.#texts[engine] ?? this.#compile(engine).sql
  }

  values(args: Args, tenant?: Id<'ten'>): unknown[] {
    const values: unknown[] = []
    for (const slot of this.#slots ?? this.#compile('sqlite').parameters) {
      if (!(slot instanceof Marker)) values.push(slot)
      else if (slot.name === 'tenant' && tenant !== undefined) values.push(tenant)
      else values.push(argument(args, slot.name))
    }
    return values
  }

  /** The parameters of any engine will do: all have them in the same order. */
  #compile(engine: Engine): CompiledQuery<Row> {
    const made = this.#build(builders[engine], markers<Args>()).compile()
    this.#texts[engine] = made.sql
    this.#slots ??= made.parameters
    return made
  }
}

/**
 * A condition that holds when a text was left out: `or` it with the one that the text is for. Where
 * an argument stands alone, PostgreSQL has to be told its type.
 */
export function leftOut(text: string | null): RawBuilder<boolean> {
  return sql<boolean>`cast(${text} as text) is null`
}

function markers<Args extends object>(): Args {
  return new Proxy({} as Args, { get: (_, name) => new Marker(String(name)) })
}

function argument(args: object, name: string): unknown {
  const value = (args as Readonly<Record<string, unknown>>)[name]
  if (value === undefined) throw new Fault(`query argument is missing: ${name}`)
  return value
}
