/** `npm run reference`: writes docs/reference anew, and what the command line knows of operations. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { referencePages } from './pages.ts'
import { remoteOperationsFile } from './remote-operations.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = join(root, 'docs', 'reference')

mkdirSync(folder, { recursive: true })
for (const { file, text } of referencePages()) writeFileSync(join(folder, file), text)
writeFileSync(join(root, 'src', 'cli', 'remote-operations.json'), remoteOperationsFile())
