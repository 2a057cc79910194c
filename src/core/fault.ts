/**
 * An error of our own making. Its message is a sentence of ours with at most ids, codes, numbers and the
 * operator's own words (settings, files, hosts) in it: never text, a handle, a secret, or what another server
 * or a library said. So it may stand in the log, where of all other errors only class, code and place stand.
 * Our classes of errors are made from it; test/log-errors.test.ts lists them.
 */
export class Fault extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Fault'
  }
}
