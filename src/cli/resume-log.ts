/** `audit resume`: for who has found out why a log stands still, and has brought back what was there. */
import { LocketError } from '../core/errors.ts'
import { type Id, instanceTenant, isId } from '../core/ids.ts'
import { createLog } from '../core/log.ts'
import { NotSound, resumeLog } from '../features/audit-checks/resume-log.ts'
import { openInstance } from '../instance.ts'
import { type ExitCode, exitCodes, type LocalCall, UsageError } from './command.ts'
import { columns } from './layout.ts'
import { print, printError, printJson } from './output.ts'

/** Refused while a server runs on the data directory. 1: what is stored is still not what was signed. */
export async function resumeLogCommand({ config, flags, json }: LocalCall): Promise<ExitCode> {
  const asked = { tenant: tenantOf(flags['tenant']), firstIndex: indexOf(flags['first-index']) }
  const instance = await openInstance(config, { log: createLog(config.logLevel), create: false })
  try {
    const { tenant, state, size, firstIndex } = await resumeLog(instance, asked)
    if (json) printJson({ tenant, state, size, firstIndex })
    else
      print(
        columns([
          ['log of', tenant === instanceTenant ? 'the instance' : tenant],
          ['state', state === 'growing' ? 'growing: it did not stand still' : 'growing again'],
          ['entries', `${size}, from ${firstIndex} on`],
        ]),
      )
    return exitCodes.done
  } catch (thrown) {
    const why = whyNot(thrown)
    if (why === null) throw thrown
    printError(`it does not go on: ${why}`)
    return exitCodes.failed
  } finally {
    await instance.close()
  }
}

function whyNot(thrown: unknown): string | null {
  if (thrown instanceof NotSound) return thrown.message
  const isMissing = thrown instanceof LocketError && thrown.code === 'not_found'
  return isMissing ? 'there is no such tenant' : null
}

function tenantOf(text: string | undefined): Id<'ten'> | null {
  if (text === undefined) return null
  if (text === 'instance') return instanceTenant
  if (isId('ten', text)) return text
  throw new UsageError(["--tenant: expected a tenant's id, or instance"])
}

function indexOf(text: string | undefined): number | null {
  if (text === undefined) return null
  const number = Number(text)
  if (/^\d{1,15}$/.test(text)) return number
  throw new UsageError(['--first-index: expected a number'])
}
