/** `npm run reference`: writes docs/reference anew. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { referencePages } from './pages.ts'

const folder = join(import.meta.dirname, '..', '..', 'docs', 'reference')

mkdirSync(folder, { recursive: true })
for (const { file, text } of referencePages()) writeFileSync(join(folder, file), text)
