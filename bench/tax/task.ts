/** What the programs of this bench and the bench itself say to each other. */

/** The parts whose cost is asked for, each as it is called in the table. */
export const parts = ['sealing', 'authorisation', 'audit'] as const

export type Part = (typeof parts)[number]

/** What one program is told, as JSON in its only argument. */
export interface TaxTask {
  readonly directory: string
  /** Of PostgreSQL; left out: SQLite, in the directory. */
  readonly databaseUrl?: string
  readonly memories: number
  /** What it leaves out. */
  readonly without: readonly Part[]
}

export const works = ['recall', 'store'] as const

export type Work = (typeof works)[number]

/** So many calls of one kind, of so many clients, each of which has its answer before it asks again. */
export interface Round {
  readonly work: Work
  readonly calls: number
  readonly clients: number
}

/** What one is told: to do a round itself, or how much of the processors it has used (microseconds). */
export type Told = Round | 'cpu'

/** The first that it says, once it is filled: where it listens, and the administrator's key. */
export interface Ready {
  readonly url: string
  readonly apiKey: string
}

/** What one call of a round took, in microseconds. */
export interface Cost {
  readonly cpu_us: number
  readonly wall_us: number
}
