/** `npm run sbom [-- FILE]`: what ships, as CycloneDX JSON, to a file or to standard output. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bomOf, type FullLockfile } from './bom.ts'

const lockfile = join(import.meta.dirname, '..', '..', 'package-lock.json')
const [file, ...surplus] = process.argv.slice(2)

if (surplus.length > 0 || file?.startsWith('-')) {
  process.stderr.write('usage: npm run -s sbom [-- FILE]\n')
  process.exitCode = 2
} else {
  const bom = bomOf(JSON.parse(readFileSync(lockfile, 'utf8')) as FullLockfile)
  const text = `${JSON.stringify(bom, null, 2)}\n`
  if (file === undefined) process.stdout.write(text)
  else writeFileSync(file, text)
}
