/** What every engine promises: the same tests, run on each. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { LocketError } from '../../src/core/errors.ts'
import { limits } from '../../src/core/limits.ts'
import type { Sealed } from '../../src/crypto/aead.ts'
import type { Blind } from '../../src/crypto/blind-index.ts'
import type { Database, Transaction } from '../../src/storage/database.ts'
import {
  addAnswer,
  addCredential,
  answers,
  counter,
  credential,
  credentials,
  key,
  setCounter,
  startCounter,
  tenant,
} from './queries.ts'

export type Use = (work: (db: Database) => Promise<void>) => (t: TestContext) => Promise<void>

/** `use` gives a test an empty database and closes it afterwards. */
export function databaseContract(engine: string, use: Use): void {
  describe(`${engine}: writes`, () => writes(use))
  describe(`${engine}: writes that fail`, () => failedWrites(use))
  describe(`${engine}: reads`, () => reads(use))
  describe(`${engine}: rows`, () => rows(use))
  describe(`${engine}: savepoints`, () => savepoints(use))
  describe(`${engine}: a failed statement`, () => failedStatements(use))
  describe(`${engine}: bounds and end`, () => bounds(use))
}

export const add =
  (id: string) =>
  (tx: Transaction): Promise<number> =>
    tx.run(addCredential, { id, tenant })

export async function ids(db: Database): Promise<string[]> {
  const found = await db.read((tx) => tx.all(credentials, {}))
  return found.map((row) => row.public_id)
}

const unavailable = (error: unknown) => error instanceof LocketError && error.code === 'unavailable'

class Refusal extends Error {}

function refuse(): never {
  throw new Refusal()
}

function writes(use: Use): void {
  for (const durability of ['full', 'relaxed'] as const) {
    test(
      `a ${durability} write is seen by the next read`,
      use(async (db) => {
        assert.equal(await db.write(add('a'), durability), 1)
        assert.deepEqual(await ids(db), ['a'])
      }),
    )
  }

  test(
    'concurrent writes, of either durability, each get their own answer',
    use(async (db) => {
      const numbers = Array.from({ length: 200 }, (_, index) => index)
      const given = await Promise.all(
        numbers.map((number) =>
          db.write(
            async (tx) => {
              await add(String(number).padStart(3, '0'))(tx)
              return number
            },
            number % 3 ? 'full' : 'relaxed',
          ),
        ),
      )
      assert.deepEqual(given, numbers)
      assert.equal((await ids(db)).length, 200)
    }),
  )

  test(
    'works never interleave: each sees all of those before it',
    use(async (db) => {
      await db.write((tx) => tx.as(tenant).run(startCounter, { key }), 'full')
      const increment = async (tx: Transaction) => {
        const row = await tx.as(tenant).first(counter, { key })
        await tx.as(tenant).run(setCounter, { key, value: Number(row?.last_used_at) + 1 })
      }
      await Promise.all(Array.from({ length: 150 }, () => db.write(increment, 'full')))
      assert.equal(
        (await db.read((tx) => tx.as(tenant).first(counter, { key })))?.last_used_at,
        150,
      )
    }),
  )

  test(
    'run tells how many rows changed',
    use(async (db) => {
      const changed = await db.write(
        (tx) => tx.as(tenant).run(setCounter, { key, value: 1 }),
        'full',
      )
      assert.equal(changed, 0)
      assert.equal(await db.write(add('a'), 'full'), 1)
    }),
  )
}

function failedWrites(use: Use): void {
  test(
    'a work that throws undoes itself and nothing else, and only its caller hears of it',
    use(async (db) => {
      const failing = async (tx: Transaction) => {
        await add('b')(tx)
        refuse()
      }
      const outcomes = await Promise.allSettled([
        db.write(add('a'), 'full'),
        db.write(failing, 'full'),
        db.write(add('c'), 'full'),
      ])
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
      await assert.rejects(db.write(failing, 'full'), Refusal)
      assert.deepEqual(await ids(db), ['a', 'c'])
    }),
  )

  test(
    'a transaction cannot be used after its work has ended',
    use(async (db) => {
      const escaped = await db.write(async (tx) => ({ tx }), 'full')
      await assert.rejects(add('late')(escaped.tx), /after its work had ended/)
      assert.deepEqual(await ids(db), [])
    }),
  )
}

function reads(use: Use): void {
  test(
    'a read stays in one snapshot while others write',
    use(async (db) => {
      await db.write(add('a'), 'full')
      await db.read(async (tx) => {
        assert.equal((await tx.all(credentials, {})).length, 1)
        await db.write(add('b'), 'full')
        assert.equal((await tx.all(credentials, {})).length, 1)
      })
      assert.deepEqual(await ids(db), ['a', 'b'])
    }),
  )

  test(
    'a read sees everything acknowledged before it began',
    use(async (db) => {
      const seen = Array.from({ length: 50 }, async (_, index) => {
        const id = `id-${index}`
        await db.write(add(id), index % 2 ? 'full' : 'relaxed')
        return db.read((tx) => tx.first(credential, { id }))
      })
      assert.ok((await Promise.all(seen)).every((row) => row?.tenant_id === tenant))
    }),
  )

  test(
    'a read cannot change anything',
    use(async (db) => {
      await assert.rejects(db.read(add('a')))
      assert.deepEqual(await ids(db), [])
      assert.equal(await db.read(async (tx) => tx.writable), false)
      assert.equal(await db.write(async (tx) => tx.writable, 'full'), true)
    }),
  )

  test(
    'a read that throws harms no other',
    use(async (db) => {
      const outcomes = await Promise.allSettled([ids(db), db.read(refuse), ids(db)])
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
    }),
  )
}

function rows(use: Use): void {
  test(
    'rows are plain objects with bytes, numbers and nulls as they went in',
    use(async (db) => {
      const hash = Uint8Array.of(1, 2, 255) as Blind
      const answer = Uint8Array.of(0, 128) as Sealed
      const expires = Number.MAX_SAFE_INTEGER
      await db.write(async (tx) => {
        await tx.as(tenant).run(addAnswer, { hash, answer, expires })
        await tx
          .as(tenant)
          .run(addAnswer, { hash: answer as Uint8Array as Blind, answer: null, expires: 0 })
      }, 'full')
      const [empty, row] = await db.read((tx) => tx.as(tenant).all(answers, {}))
      assert.equal(empty?.answer, null)
      assert.ok(row?.answer instanceof Uint8Array)
      assert.deepEqual(row, {
        tenant_id: tenant,
        key_hash: hash,
        fingerprint: hash,
        scope: 'tenant',
        status: 201,
        answer,
        expires_at: expires,
      })
    }),
  )

  test(
    'what is not there is undefined, and a missing argument is refused',
    use(async (db) => {
      assert.equal(await db.read((tx) => tx.first(credential, { id: 'nobody' })), undefined)
      await assert.rejects(
        db.read((tx) => tx.first(credential, {} as { id: string })),
        /argument is missing: id/,
      )
    }),
  )
}

function savepoints(use: Use): void {
  test(
    'a failure undoes only what was done inside, however deep',
    use(async (db) => {
      await db.write(async (tx) => {
        await add('a')(tx)
        const inner = tx.savepoint(async () => {
          await add('b')(tx)
          await assert.rejects(
            tx.savepoint(async () => {
              await add('c')(tx)
              refuse()
            }),
            Refusal,
          )
          await add('d')(tx)
        })
        await inner
        await assert.rejects(
          tx.savepoint(() => add('e')(tx).then(refuse)),
          Refusal,
        )
        await add('f')(tx)
      }, 'full')
      assert.deepEqual(await ids(db), ['a', 'b', 'd', 'f'])
    }),
  )

  test(
    'a savepoint gives back what its work returns',
    use(async (db) => {
      assert.equal(await db.write((tx) => tx.savepoint(async () => 7), 'full'), 7)
    }),
  )

  test(
    'savepoints that overlap fail the work, whatever it makes of it, and no other',
    use(async (db) => {
      const overlapping = async (tx: Transaction) => {
        const first = tx.savepoint(() => add('x')(tx))
        const second = tx.savepoint(() => Promise.allSettled([first]))
        await Promise.allSettled([first, second])
      }
      const [, broken] = await Promise.allSettled([
        db.write(add('a'), 'full'),
        db.write(overlapping, 'full'),
        db.write(add('b'), 'full'),
      ])
      assert.equal(broken.status, 'rejected')
      assert.deepEqual(await ids(db), ['a', 'b'])
    }),
  )
}

function failedStatements(use: Use): void {
  test(
    'fails the work even if the work ignores it',
    use(async (db) => {
      await db.write(add('a'), 'full')
      const ignoring = async (tx: Transaction) => {
        await add('b')(tx)
        await assert.rejects(add('a')(tx))
        await assert.rejects(add('c')(tx), 'nothing more can be done')
      }
      await assert.rejects(db.write(ignoring, 'full'))
      assert.deepEqual(await ids(db), ['a'])
    }),
  )

  test(
    'inside a savepoint costs only the savepoint',
    use(async (db) => {
      await db.write(add('a'), 'full')
      await db.write(async (tx) => {
        await add('b')(tx)
        await assert.rejects(tx.savepoint(() => add('a')(tx)))
        await add('c')(tx)
      }, 'full')
      assert.deepEqual(await ids(db), ['a', 'b', 'c'])
    }),
  )
}

function bounds(use: Use): void {
  test(
    'more writes than the queue takes are refused, the others done',
    use(async (db) => {
      const nothing = async () => undefined
      const queued = Array.from({ length: limits.writeQueue_max }, () => db.write(nothing, 'full'))
      await assert.rejects(db.write(nothing, 'full'), unavailable)
      await Promise.all(queued)
      await db.write(add('a'), 'full')
    }),
  )

  test(
    'more reads than the queue takes are refused, the others done',
    use(async (db) => {
      const nothing = async () => undefined
      const queued = Array.from({ length: limits.readQueue_max }, () => db.read(nothing))
      await assert.rejects(db.read(nothing), unavailable)
      await Promise.all(queued)
      assert.deepEqual(await ids(db), [])
    }),
  )

  test(
    'close finishes what is queued; afterwards nothing is taken',
    use(async (db) => {
      const written = Array.from({ length: 100 }, (_, index) =>
        db.write(add(`id-${index}`), index % 2 ? 'full' : 'relaxed'),
      )
      const read = ids(db)
      const closed = db.close()
      await assert.rejects(db.write(add('late'), 'full'), unavailable)
      await assert.rejects(
        db.read(async () => undefined),
        unavailable,
      )
      await assert.rejects(db.scrub(), unavailable)
      await Promise.all([closed, db.close()])
      assert.equal((await Promise.all(written)).length, 100)
      await read
    }),
  )
}
