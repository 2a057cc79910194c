import { describe } from 'node:test'
import { databaseContract } from '../../test/contract/database.ts'
import { onlyOn } from '../../test/engine.ts'
import { createDatabase } from '../../test/postgres.ts'
import { createLog } from '../core/log.ts'

describe('PostgreSQL', onlyOn('postgres', 'the contract of the engines is run for each'), () => {
  databaseContract('postgres', (work) => async (t) => {
    const { open } = await createDatabase(t)
    const database = await open(createLog('silent'))
    try {
      await work(database)
    } finally {
      await database.close()
    }
  })
})
