/** The settings as the event of a start tells them: whoever changes one cannot do it unseen. */
import { toUtf8 } from '../core/encoding.ts'
import { limits } from '../core/limits.ts'
import { sha256 } from '../crypto/digest.ts'
import { shownText } from './setting.ts'
import { settings } from './settings.ts'
import type { Reading } from './sources.ts'

/** By the names of the settings that somebody has given. */
export type SettingsTold = Readonly<Record<string, string>>

/** As `config show` shows them, so that no secret is among them, nor a digest of one. */
export function settingsTold({ given }: Pick<Reading, 'given'>): SettingsTold {
  const told = [...given].flatMap(([name, { source, text }]) =>
    source === 'default' ? [] : [[name, bounded(shownText(settings[name], text))] as const],
  )
  return Object.fromEntries(told.sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** Of what is long only a digest: another value is another digest. */
function bounded(text: string): string {
  const bytes = toUtf8(text)
  if (bytes.length <= limits.auditSetting_bytes_max) return text
  return `sha256:${sha256(bytes).toString('hex')}`
}
