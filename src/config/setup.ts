/**
 * How to serve to oneself alone, in plain text on this machine, with all other settings as they are:
 * the way to replace the first key. The certificate of the settings is for another name.
 */
import type { ServerSettings } from './config.ts'
import { shownText } from './setting.ts'
import { type SettingName, settings } from './settings.ts'
import { allSettings, type Given } from './sources.ts'

export interface Setup {
  /** For a shell. */
  readonly command: string
  /** Null when the server will say which port it has. */
  readonly url: string | null
}

const host = '127.0.0.1'
/** What TLS is made of; each without the others would be a mistake. */
const encrypting: readonly SettingName[] = ['tlsCert', 'tlsKey', 'tlsClientCa', 'redirectPort']

export function setupOf({ config, reading }: ServerSettings): Setup {
  const own: readonly SettingName[] = ['mode', 'host', ...encrypting]
  const repeated = allSettings.flatMap(([name, one]) => {
    const given = reading.given.get(name)
    if (given?.source !== 'flag' || own.includes(name)) return []
    return [`--${one.flag} ${quoted(shownText(one, given.text))}`]
  })
  const taken = encrypting
    .filter((name) => isGiven(reading.given.get(name)))
    .map((name) => `--${settings[name].flag}=`)
  const flags = ['--mode development', `--host ${host}`, ...taken, ...repeated]
  return {
    command: `locket serve ${flags.join(' ')}`,
    url: config.port === 0 ? null : `http://${host}:${config.port}`,
  }
}

function isGiven(given: Given | undefined): boolean {
  return given !== undefined && given.source !== 'default'
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
