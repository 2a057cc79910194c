/** The mail server that invitations and resets go out by. */
import { limits } from '../core/limits.ts'
import { asMailError } from '../mail/mail-error.ts'
import { createMailer } from '../mail/mailer.ts'
import type { Check } from './check.ts'
import { pass, warn } from './finding.ts'

/** Before the check as a whole is given up. */
const probe_ms_max = limits.doctorCheck_timeout_ms * 0.8

export const mail: Check = {
  id: 'mail',
  about:
    'Whether mails are sent, and the mail server can be reached, trusted and signed in to. None is sent for it.',
  warns: 'It cannot: mails wait, and are given up after a day.',
  fails: null,
  unknown: null,
  look: async ({ config, log }) => {
    if (config.mail === null) {
      return pass('no smtp-host is set: who makes an invitation or a reset hands it over')
    }
    const { host, port, tls, login, timeout_ms } = config.mail
    const place = `${host}:${port}`
    const bounded = { ...config.mail, timeout_ms: Math.min(timeout_ms, probe_ms_max) }
    try {
      await createMailer(bounded, log).probe()
    } catch (thrown) {
      const { message, detail } = asMailError(thrown)
      const saw = `${place}: ${message}${detail === null ? '' : ` (${detail})`}`
      return warn(saw, 'look at the smtp settings, the certificate, the password and the server')
    }
    const way = tls === 'off' ? 'in plain text on this machine' : `by TLS (${tls})`
    return pass(`${place} is reached ${way}, ${login ? 'signed in' : 'without signing in'}`)
  },
}
