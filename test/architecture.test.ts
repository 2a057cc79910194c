/**
 * The law of the code base, held over the whole of it. The rules are in test/architecture/rules.ts,
 * and each is shown to catch what it must in test/architecture/rules.test.ts.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { readModules, runtimeDependencies } from './architecture/modules.ts'
import { describeBreach, rules } from './architecture/rules.ts'

const root = join(import.meta.dirname, '..')
const modules = readModules(root, ['src', 'test', 'bench'])

test('the source is found', () => {
  assert.ok(modules.some((module) => module.file === 'src/core/errors.ts'))
})

for (const rule of rules) {
  test(rule.name, () => {
    const findings = rule.check(modules, runtimeDependencies(root))
    assert.ok(findings.length === 0, describeBreach(rule, findings))
  })
}
