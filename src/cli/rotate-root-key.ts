/** `root-key rotate`: for when somebody who should not has seen the root key, or its time is over. */
import { createLog } from '../core/log.ts'
import { openInstance } from '../instance.ts'
import { rotateRootKey } from '../root-key-rotation.ts'
import { type ExitCode, exitCodes, type LocalCall } from './command.ts'
import { columns } from './layout.ts'
import { print, printJson } from './output.ts'

const done = 'the old one opens nothing any more'
const notYet = 'the old one opens remnants until the server is started'

/** Refused while a server runs: the lock on the data directory is what makes it offline. */
export async function rotateRootKeyCommand({ config, json }: LocalCall): Promise<ExitCode> {
  const instance = await openInstance(config, {
    log: createLog(config.logLevel),
    create: false,
    alone: true,
  })
  try {
    const { keysWrapped, scrubbed } = await rotateRootKey(instance, config)
    const rootKeyFile = instance.rootKeyFile ?? ''
    if (json) printJson({ rootKeyFile, keysWrapped, scrubbed })
    else
      print(
        columns([
          ['root key', `${rootKeyFile} (new; ${scrubbed ? done : notYet})`],
          ['wrapped', `${keysWrapped} tenant keys`],
        ]),
      )
  } finally {
    await instance.close()
  }
  return exitCodes.done
}
