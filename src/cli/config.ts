/** `config show` and `config check`: the settings as a command would have them, and what is wrong. */
import type { ServerSettings } from '../config/config.ts'
import { refuseUnsafe } from '../config/safety.ts'
import { type Setting, shownText } from '../config/setting.ts'
import type { SettingName } from '../config/settings.ts'
import { allSettings, type Source } from '../config/sources.ts'
import { rateNames, tryAxes, tryBudgets } from '../throttles/budgets.ts'
import { type ExitCode, exitCodes, type LocalCall } from './command.ts'
import { columns } from './layout.ts'
import { print, printJson } from './output.ts'

/** One setting as it is shown: no secret is in it. */
interface Shown {
  /** As a flag and in the file; as a variable when it has no flag. */
  readonly name: string
  /** Null: not set. */
  readonly value: unknown
  readonly source: Source
  /** `--port`, `LOCKET_PORT`, `./locket.toml:port`; null: nobody gave it. */
  readonly from: string | null
}

export async function configShowCommand({ settings, json }: LocalCall): Promise<ExitCode> {
  const shown = allSettings.map(([name, one]) => show(settings, name, one))
  if (json) printJson({ file: settings.file, settings: shown })
  else print(columns([['settings file', settings.file ?? '-'], ...allSettings.map(rowOf(shown))]))
  return exitCodes.done
}

/** Mistakes have ended the command before; what remains is what only a server refuses. */
export async function configCheckCommand({ settings, json }: LocalCall): Promise<ExitCode> {
  await refuseUnsafe(settings)
  const { mode } = settings.config
  if (json) printJson({ right: true, mode, file: settings.file })
  else print(`the settings are right for ${mode}`)
  return exitCodes.done
}

/** The budgets that a server with these settings has, and the lockout, which no setting changes. */
export async function configLimitsCommand({ settings, json }: LocalCall): Promise<ExitCode> {
  const { config, reading } = settings
  const given = new Set(reading.values.rateLimits?.map((text) => text.split('=')[0]))
  const from = reading.given.get('rateLimits')?.label ?? null
  const budgets = rateNames.map((name) => {
    const { requests, window_ms, burst } = config.rateBudgets[name]
    return { name, requests, window_ms, burst, from: given.has(name) ? from : null }
  })
  const lockout = tryAxes.map((axis) => ({ name: axis, ...tryBudgets[axis] }))
  if (json) {
    printJson({ budgets, lockout })
    return exitCodes.done
  }
  const head = ['BUDGET', 'REQUESTS', 'IN', 'AT ONCE', 'FROM']
  const rows = budgets.map(({ name, requests, window_ms, burst, from }) => {
    return [name, String(requests), `${window_ms / 1000} s`, String(burst), from ?? 'default']
  })
  const locks = lockout.map(({ name, tries, window_ms, lock_ms }) => {
    return [name, String(tries), `${window_ms / 60_000} min`, `${lock_ms / 60_000} min`]
  })
  print(columns([head, ...rows]))
  print('')
  print(columns([['LOCKOUT BY', 'WRONG TRIES', 'IN', 'CLOSED FOR'], ...locks]))
  return exitCodes.done
}

function show({ config, reading }: ServerSettings, name: SettingName, one: Setting): Shown {
  const given = reading.given.get(name)
  const source = given?.source ?? 'default'
  const value = given && one.mask ? maskedValue(one, given.text) : reading.values[name]
  return {
    name: one.flag ?? one.env,
    value: value ?? (one.kind === 'list' ? [] : standIn(config, name)),
    source,
    from: given && source !== 'default' ? given.label : null,
  }
}

/** A list stays one. */
function maskedValue(one: Setting, given: string): unknown {
  const text = shownText(one, given)
  if (one.kind !== 'list') return text
  return text === '' ? [] : text.split(',').map((item) => item.trim())
}

/** What stands in for a setting that nobody gave, where it follows from others. */
function standIn(config: ServerSettings['config'], name: SettingName): unknown {
  if (name === 'docs') return config.docs
  if (name === 'tombstonesFile') return config.tombstonesFile
  return name === 'rootKeyFile' && 'file' in config.rootKey ? config.rootKey.file : null
}

function rowOf(shown: readonly Shown[]) {
  return ([, one]: readonly [SettingName, Setting], at: number): string[] => {
    const { name, value, from } = shown[at] as Shown
    return [name, valueText(value, one), from ?? 'default']
  }
}

function valueText(value: unknown, one: Setting): string {
  if (value === null) return one.fallback === undefined ? '-' : `(${one.fallback})`
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.join(',')
  return String(value)
}
