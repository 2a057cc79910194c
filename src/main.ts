#!/usr/bin/env node
/** argv -> one command -> exit code: 0 done, 1 refused or failed, 2 wrong usage. */
import { exitCodes } from './cli/command.ts'
import { reportFailure, reportUnexpected } from './cli/failure.ts'
import { flushed } from './cli/output.ts'
import { run } from './cli/run.ts'

// Also for rejections that nobody handles: Node makes exceptions of them.
process.on('uncaughtException', (error) => {
  reportUnexpected(error)
  process.exit(exitCodes.failed)
})

const code = await run(process.argv.slice(2)).catch((thrown: unknown) => {
  reportFailure(thrown)
  return exitCodes.failed
})
process.exit((await flushed()) ? code : exitCodes.failed)
