/** One Locket that leaves parts out, in a process of its own: there is no switch for it in the product. */
import { registerHooks } from 'node:module'
import type { Part, TaxTask } from './task.ts'

const task = JSON.parse(process.argv[2] ?? '{}') as TaxTask

const substitutes: Readonly<Record<Part, { of: string; by: string }>> = {
  sealing: { of: '../../src/crypto/aead.ts', by: './no-sealing.ts' },
  authorisation: { of: '../../src/pipeline/admit.ts', by: './no-authorisation.ts' },
  audit: { of: '../../src/pipeline/audit.ts', by: './no-audit.ts' },
}

const replaced = new Map(
  task.without.map((part) => {
    const { of, by } = substitutes[part]
    return [new URL(of, import.meta.url).href, new URL(by, import.meta.url).href]
  }),
)

const used = new Set<string>()

// Whoever asks for the module gets what stands in for it, which alone gets the real one.
registerHooks({
  resolve: (specifier, context, next) => {
    const resolved = next(specifier, context)
    const by = replaced.get(resolved.url)
    if (by === undefined || context.parentURL === by) return resolved
    used.add(by)
    return { ...resolved, url: by }
  },
})

const { serveRounds } = await import('./rounds.ts')
// A module that was moved or renamed would be measured as if it cost nothing.
if (used.size < replaced.size) throw new Error('not all that is to be left out was found')
await serveRounds(task)
