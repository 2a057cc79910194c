/** A secret as the rest of the program has it: a way to read it. No dump of the settings shows it. */

/** Throws `SecretError`. */
export type ReadSecret = () => Promise<string>

export interface Secret {
  /** The setting, as its giver called it. */
  readonly label: string
  /** `file:/run/secrets/password`. It may be shown. */
  readonly reference: string
  /** Whether it is on this machine: a variable or a file. */
  readonly isLocal: boolean
  /**
   * The value: of a file as it is now, of a server as it was last read. Once it was had, this never
   * fails: what cannot be read anew stays as it is. Throws `SecretUnavailable` before.
   */
  read(): Promise<string>
  /** What it was used for has failed: reads it anew, unless that was done just now. */
  renew(): Promise<string>
}

/** For who starts a program: names the setting and the reference, never the value. */
export class SecretUnavailable extends Error {
  constructor({ label, reference }: Pick<Secret, 'label' | 'reference'>, cause: Error) {
    super(`${label}: the secret of ${reference} cannot be had: ${cause.message}`, { cause })
    this.name = 'SecretUnavailable'
  }
}
