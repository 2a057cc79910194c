/** `keys recover`: a way back in for who holds the root key and the data, and has lost every key. */
import { isId } from '../core/ids.ts'
import { createLog } from '../core/log.ts'
import { openInstance, recoverAdministrator } from '../instance.ts'
import { type ExitCode, exitCodes, type LocalCall, UsageError } from './command.ts'
import { columns } from './layout.ts'
import { print, printJson } from './output.ts'
import { bootstrapLife } from './place.ts'

/** Refused while a server runs: the lock on the data directory is what makes it offline. */
export async function recoverCommand({ config, flags, json }: LocalCall): Promise<ExitCode> {
  const tenant = flags['tenant']
  if (tenant !== undefined && !isId('ten', tenant)) {
    throw new UsageError(["--tenant: expected a tenant's id"])
  }
  const instance = await openInstance(config, { log: createLog(config.logLevel), create: false })
  try {
    const made = await recoverAdministrator(instance, tenant === undefined ? {} : { tenant })
    if (json) printJson({ tenant: made.tenant, apiKey: made.apiKey })
    else
      print(
        columns([
          ['tenant', made.tenant],
          ['key', `${made.apiKey}   administrator, shown once, expires in ${bootstrapLife}`],
        ]),
      )
  } finally {
    await instance.close()
  }
  return exitCodes.done
}
