/** Secrets for tests: in the environment of a process that is none, or in files of theirs. */
import { createLog } from '../src/core/log.ts'
import { parseReference, type Reference } from '../src/secrets/reference.ts'
import type { Secret } from '../src/secrets/secret.ts'
import { createSecrets, type Secrets, type SecretsOptions } from '../src/secrets/secrets.ts'

/** Secrets of no server; their log is kept. */
export function openSecrets(options: Partial<SecretsOptions> = {}): {
  readonly secrets: Secrets
  /** All lines of the log. */
  readonly logged: () => string
} {
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => void lines.push(line) })
  const none = { env: {}, vault: null, aws: null, refresh_ms: 60_000, log: () => log }
  return { secrets: createSecrets({ ...none, ...options }), logged: () => lines.join('') }
}

/** The secret that a reference leads to, under a setting's name. */
export function referredTo(text: string, label = 'LOCKET_TEST'): Secret {
  return openSecrets().secrets.declare(label, reference(text))
}

/** A secret that is this text. */
export function givenSecret(text: string, label = 'LOCKET_ROOT_KEY'): Secret {
  const own: Reference = { kind: 'env', text: `env:${label}`, name: label }
  return openSecrets({ env: { [label]: text } }).secrets.declare(label, own)
}

export function reference(text: string): Reference {
  const found = parseReference(text)
  if (!found) throw new Error(`no reference: ${text}`)
  return found
}
