/** The programs of a bench that compares a Locket with one that leaves parts out, each in a process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Engine } from '../../src/storage/query.ts'
import { newDatabase } from '../../test/postgres-cluster.ts'
import { benchDirectory } from '../server-process.ts'
import type { Cost, Part, Ready, Round, TaxTask, Told } from './task.ts'

const program = join(import.meta.dirname, 'program.ts')

export interface Variant {
  readonly name: string
  readonly without: readonly Part[]
}

export interface Program extends Ready {
  readonly name: string
  /** Has the program itself do a round, without sockets. */
  round(round: Round): Promise<Cost>
  /** What it has used of the processors so far. */
  cpu_us(): Promise<number>
  end(): Promise<void>
}

/** Starts one, with an empty database of its own, and waits until it is filled. */
export async function startProgram(
  { name, without }: Variant,
  memories: number,
  engine: Engine = 'sqlite',
): Promise<Program> {
  const directory = benchDirectory()
  const database = engine === 'postgres' ? await newDatabase() : null
  const place = { directory: directory.path, ...(database && { databaseUrl: database.url }) }
  const task: TaxTask = { ...place, memories, without }
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, JSON.stringify(task)],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  )
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ready = (await said(child)) as Ready
  const tell = (told: Told): Promise<unknown> => {
    child.send(told)
    return said(child)
  }
  return {
    ...ready,
    name,
    round: async (round) => (await tell(round)) as Cost,
    cpu_us: async () => (await tell('cpu')) as number,
    end: async () => {
      child.disconnect()
      await ended
      directory.remove()
      await database?.drop()
    },
  }
}

function said(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error('a program of the bench ended'))
    child.once('exit', fail)
    child.once('message', (message) => {
      child.off('exit', fail)
      resolve(message)
    })
  })
}
