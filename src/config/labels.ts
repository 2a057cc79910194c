/** How a setting is called in a sentence about it. */
import { type SettingName, settings } from './settings.ts'
import type { Reading } from './sources.ts'

/** As its giver called it; the variable when nobody gave it. */
export function labelOf({ given }: Reading, name: SettingName): string {
  const found = given.get(name)
  return found && found.source !== 'default' ? found.label : settings[name].env
}
