/** `init`: makes a Locket, without serving it. */
import { LocketError } from '../core/errors.ts'
import { createLog } from '../core/log.ts'
import { initialise, openInstance } from '../instance.ts'
import { type ExitCode, exitCodes, type LocalCall } from './command.ts'
import { columns } from './layout.ts'
import { print, printJson } from './output.ts'
import { bootstrapLife, rootKeyPlace, shownPath } from './place.ts'

/** Fails when there is a Locket already; the key that it prints is shown this once. */
export async function initCommand({ config, json }: LocalCall): Promise<ExitCode> {
  const directory = shownPath(config.dataDir)
  const instance = await openInstance(config, { log: createLog(config.logLevel), create: true })
  try {
    if (instance.initialised) {
      throw new LocketError('already_exists', `There is a Locket in ${directory} already.`)
    }
    const made = await initialise(instance)
    if (json) printJson({ tenant: made.tenant, apiKey: made.apiKey })
    else
      print(
        columns([
          ['data', `${directory} (SQLite)`],
          ['root key', rootKeyPlace(config)],
          ['tenant', made.tenant],
          ['key', `${made.apiKey}   administrator, shown once, expires in ${bootstrapLife}`],
          ['next', '`locket serve`, with the same settings'],
        ]),
      )
  } finally {
    await instance.close()
  }
  return exitCodes.done
}
