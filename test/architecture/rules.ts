/** The law of the code base, as a table: each rule, how to mend a breach of it, and what checks it. */

import {
  checkClock,
  checkCryptography,
  checkEnvironment,
  checkEvaluation,
  checkOutgoing,
  checkOutput,
  checkRandom,
  checkSql,
} from './code.ts'
import {
  checkCycles,
  checkDependencies,
  checkFeatures,
  checkLayers,
  checkReserved,
  checkStranger,
  checkTestsApart,
} from './imports.ts'
import type { Finding, Module } from './modules.ts'
import {
  checkAny,
  checkDefaultExports,
  checkNames,
  checkSilenced,
  checkStarExports,
} from './shape.ts'

export interface Rule {
  readonly name: string
  readonly mend: string
  readonly check: (
    modules: readonly Module[],
    dependencies: readonly string[],
  ) => readonly Finding[]
}

export const rules: readonly Rule[] = [
  {
    name: 'imports point downwards through the layers',
    mend: 'move the code to the layer it belongs to, or hand the value down from app.ts; a new folder takes its place in test/architecture/order.ts',
    check: checkLayers,
  },
  {
    name: 'a feature imports only the features below it',
    mend: 'move what both need to the lower feature, or wire the reaction in app.ts; a new feature takes its place in test/architecture/order.ts',
    check: checkFeatures,
  },
  {
    name: 'no import cycles between files or folders',
    mend: 'move what both sides need to a file below them; a type counts as an import too',
    check: checkCycles,
  },
  {
    name: 'packages are imported only where they belong',
    mend: 'ask the layer that owns the package, or change test/architecture/order.ts with a reason',
    check: checkReserved,
  },
  {
    name: 'what runs imports no test and nothing outside src/',
    mend: 'move what is shared into src/, what is only for tests into test/',
    check: checkTestsApart,
  },
  {
    name: 'the stranger’s verifier imports nothing but what Node has',
    mend: 'write it again from the public texts, in test/tlog-verifier.ts itself',
    check: checkStranger,
  },
  {
    name: 'runtime dependencies are exactly what src/ imports',
    mend: 'remove the dependency from package.json, or move it between dependencies and devDependencies',
    check: checkDependencies,
  },
  {
    name: 'process.env is read only in config/config.ts',
    mend: 'add the setting to config/settings.ts and take the value as an argument',
    check: checkEnvironment,
  },
  {
    name: 'the time is read only in core/clock.ts',
    mend: 'take a Clock as an argument',
    check: checkClock,
  },
  {
    name: 'Math.random is used nowhere',
    mend: 'take random bytes from crypto/',
    check: checkRandom,
  },
  {
    // [V11.2.4] Comparing in constant time is done in one place, over MACs of one length.
    name: 'cryptography is used only in crypto/',
    mend: 'call a function of crypto/',
    check: checkCryptography,
  },
  {
    name: 'only cli/output.ts writes to standard output and error',
    mend: 'return the text to cli/output.ts, or write to the log',
    check: checkOutput,
  },
  {
    // [V1.3.6] [V13.2.4]
    name: 'other servers are called only through egress/',
    mend: 'take `egress` from the services and call its fetch',
    check: checkOutgoing,
  },
  {
    // [V1.3.2]
    name: 'text is never evaluated as code',
    mend: 'write a function',
    check: checkEvaluation,
  },
  {
    // [V1.2.4]
    name: 'no SQL is put together from strings outside storage/',
    mend: 'use the query builder, or a constant statement with parameters',
    check: checkSql,
  },
  {
    name: 'no default exports',
    mend: 'export it by its name',
    check: checkDefaultExports,
  },
  {
    name: 'no export *',
    mend: 'import each name from the file that declares it',
    check: checkStarExports,
  },
  {
    name: 'no index.ts and no vague names',
    mend: 'name the file or folder after what is in it',
    check: checkNames,
  },
  {
    name: 'no any',
    mend: 'use unknown and narrow it, or write the type',
    check: checkAny,
  },
  {
    name: 'no check is silenced without a reason',
    mend: 'mend the cause; else `@ts-expect-error why` or `biome-ignore lint/group/rule: why` on the line before',
    check: checkSilenced,
  },
]

/** Every rule that is broken, as a person reads it; none if the law is kept. */
export function breachesOf(
  modules: readonly Module[],
  dependencies: readonly string[],
): readonly string[] {
  return rules.flatMap((rule) => {
    const findings = rule.check(modules, dependencies)
    return findings.length === 0 ? [] : [describeBreach(rule, findings)]
  })
}

/** A breach as a person reads it: where, what, and how to mend it. */
export function describeBreach(rule: Rule, findings: readonly Finding[]): string {
  const places = findings.map(({ file, line, what }) => `  ${file}:${line}: ${what}`)
  return [`${rule.name}:`, ...places, `to mend: ${rule.mend}`].join('\n')
}
