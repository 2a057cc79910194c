/** `npm run wasm`: compiles the vector scan anew. */
import { writeFileSync } from 'node:fs'
import { compiledFile, compiledModule } from './compile.ts'

writeFileSync(compiledFile, await compiledModule())
