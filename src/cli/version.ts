/** The name and version of this program, from package.json. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseJson } from '../core/json.ts'

const file = join(import.meta.dirname, '..', '..', 'package.json')

export const { version } = parseJson(readFileSync(file)) as { version: string }
