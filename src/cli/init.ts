/** `init`: makes a Locket, without serving it. */
import type { Config, ServerSettings } from '../config/config.ts'
import { refuseUnsafePlaces } from '../config/safety.ts'
import { setupOf } from '../config/setup.ts'
import { LocketError } from '../core/errors.ts'
import { createLog } from '../core/log.ts'
import { initialise, openInstance } from '../instance.ts'
import { type ExitCode, exitCodes, type LocalCall } from './command.ts'
import { columns } from './layout.ts'
import { print, printJson } from './output.ts'
import { bootstrapLife, dataPlace, rootKeyPlace, shownPath } from './place.ts'

function placeOf(config: Config): string {
  return config.database === null ? shownPath(config.dataDir) : dataPlace(config)
}

/** Fails when there is a Locket already; the key that it prints is shown this once. */
export async function initCommand({ config, settings, json }: LocalCall): Promise<ExitCode> {
  refuseUnsafePlaces(settings)
  const instance = await openInstance(config, { log: createLog(config.logLevel), create: true })
  try {
    if (instance.initialised) {
      throw new LocketError('already_exists', `There is a Locket in ${placeOf(config)} already.`)
    }
    const made = await initialise(instance)
    if (json) printJson({ tenant: made.tenant, apiKey: made.apiKey })
    else
      print(
        columns([
          ['data', dataPlace(config)],
          ['root key', rootKeyPlace(config)],
          ['tenant', made.tenant],
          ['key', `${made.apiKey}   administrator, shown once, expires in ${bootstrapLife}`],
          ['next', nextStep(settings)],
        ]),
      )
  } finally {
    await instance.close()
  }
  return exitCodes.done
}

/** Production does not start while this key is alive, so its owner is told how to replace it. */
function nextStep(settings: ServerSettings): string {
  if (settings.config.mode === 'development') return '`locket serve`, with the same settings'
  const { command, url } = setupOf(settings)
  const place = url === null ? '' : ` (LOCKET_URL=${url})`
  return `\`${command}\`, to make your own key there and revoke this one${place}`
}
