/** What the program's own text mentions, so that a page can tell what is only declared yet. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..', 'src')

/** The text of every file of `src/` that runs, but for the file or folder that declares. */
export function textWithout(...declaring: readonly string[]): string {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .filter(
      (file) =>
        !declaring.some((one) => file === one || (one.endsWith('/') && file.startsWith(one))),
    )
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n')
}
