/** What `src/features/indexes/vector-scan.ts` is made of: the text of the module, as bytes. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import wabt from 'wabt'

const folder = join(import.meta.dirname, '../../src/features/indexes')
const source = 'vector-scan.wat'

/** Where the compiled module is kept. */
export const compiledFile = join(folder, 'vector-scan.ts')

/** The text of that file, compiled anew. */
export async function compiledModule(): Promise<string> {
  const { parseWat } = await wabt()
  // As text: of a buffer it would read the whole pool that the buffer is a part of.
  const module = parseWat(source, readFileSync(join(folder, source), 'utf8'), { simd: true })
  module.validate()
  const { buffer } = module.toBinary({ write_debug_names: false })
  module.destroy()
  const lines =
    Buffer.from(buffer)
      .toString('base64')
      .match(/.{1,90}/g) ?? []
  return [
    `/** Made of ${source} by \`npm run wasm\`; not written by hand. */`,
    "import { fromBase64 } from '../../core/encoding.ts'",
    '',
    'const module =',
    `${lines.map((line) => `  '${line}'`).join(' +\n')}`,
    '',
    '/** The bytes of the module. */',
    'export function vectorScanModule(): Uint8Array {',
    '  return fromBase64(module) ?? new Uint8Array(0)',
    '}',
    '',
  ].join('\n')
}
