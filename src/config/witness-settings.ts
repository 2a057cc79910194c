/** Settings of who cosigns the checkpoints of the audit logs. */
import { limits } from '../core/limits.ts'
import { setting } from './setting.ts'
import { Witnesses } from './shapes.ts'

export const witnessSettings = {
  witnesses: setting({
    flag: 'witnesses',
    env: 'LOCKET_WITNESSES',
    expects: `at most ${limits.witnesses_max} witnesses, each as VKEY, a space and URL: what \`locket witness\` tells there, and https://HOST/v1/witness`,
    kind: 'list',
    default: null,
    fallback: 'none: nobody cosigns the logs',
    description: 'Who cosigns the checkpoints of the audit logs (C2SP tlog-witness).',
    mask: (text) => text,
    schema: Witnesses,
  }),
}
