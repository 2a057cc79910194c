/** The database that a test works on, of whichever engine the run is about. */
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { engine } from './engine.ts'
import { createDatabase } from './postgres.ts'
import { sqliteData } from './sqlite.ts'
import type { TestData } from './test-data.ts'

/** A database of its own for a data directory, gone when the test is over. */
export async function testData(t: TestContext, directory: string): Promise<TestData> {
  return engine === 'postgres' ? createDatabase(t) : sqliteData(join(directory, 'locket.db'))
}
