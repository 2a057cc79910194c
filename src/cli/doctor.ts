/** `doctor`: looks at everything an operator answers for, and changes nothing. */
import { systemClock } from '../core/clock.ts'
import { createLog } from '../core/log.ts'
import { examine, type Report } from '../doctor/examine.ts'
import { type ExitCode, exitCodes, type LocalCall } from './command.ts'
import { columns } from './layout.ts'
import { print, printJson } from './output.ts'
import { version } from './version.ts'

/** May be run while a server runs. Only a check that fails makes the command fail. */
export async function doctorCommand({ config, settings, json }: LocalCall): Promise<ExitCode> {
  const log = createLog(config.logLevel)
  const report = await examine({ settings, version, log, clock: systemClock })
  if (json) printJson(report)
  else print(textOf(report))
  return report.summary.fail > 0 ? exitCodes.failed : exitCodes.done
}

/** An advice that follows from the same cause as the one before is not repeated. */
function textOf({ checks, summary, mode }: Report): string {
  const rows = checks.flatMap(({ id, status, saw, advice }, at) => [
    [status, id, saw],
    ...(advice === null || advice === checks[at - 1]?.advice ? [] : [['', '', `-> ${advice}`]]),
  ])
  const counts = Object.entries(summary).map(([status, number]) => `${number} ${status}`)
  const end = 'only a fail makes the exit code 1; unknown is what could not be looked at'
  return [columns(rows), '', `Locket ${version}, ${mode}: ${counts.join(', ')} (${end})`].join('\n')
}
