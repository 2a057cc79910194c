/** Every rule is shown small sources that break it and that keep it: a rule that cannot fail is worthless. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fixtures } from './fixtures.ts'
import { parseModule } from './modules.ts'
import { breachesOf, describeBreach, type Rule, rules } from './rules.ts'

type Files = Readonly<Record<string, string>>

function breaches(rule: Rule, files: Files): readonly string[] {
  const modules = Object.entries(files).map(([file, text]) => parseModule(file, text))
  return rule.check(modules, ['zod']).map(({ file, line }) => `${file}:${line}`)
}

for (const rule of rules) {
  const { broken, kept } = fixtures[rule.name] ?? { broken: [], kept: {} }

  describe(rule.name, () => {
    test('has sources that break it', () => assert.ok(broken.length > 0))

    for (const [file, text, line = 1] of broken) {
      test(`catches ${text
        .trim()
        .split('\n')
        .at(line - 1)} in ${file}`, () => {
        const files = { ...kept, [file]: text }
        assert.deepEqual(breaches(rule, files), [`${file}:${line}`])
      })
    }

    test('lets pass what keeps it', () => assert.deepEqual(breaches(rule, kept), []))
  })
}

test('every fixture belongs to a rule', () => {
  const names = rules.map((rule) => rule.name)
  assert.deepEqual(
    Object.keys(fixtures).filter((name) => !names.includes(name)),
    [],
  )
})

test('a breach says where, what and how to mend it', () => {
  const [rule] = rules
  assert.ok(rule)
  const said = describeBreach(rule, [{ file: 'src/a.ts', line: 3, what: 'imports b' }])
  assert.match(said, /src\/a\.ts:3: imports b/)
  assert.ok(said.endsWith(`to mend: ${rule.mend}`))
})

test('all broken rules are told at once', () => {
  const module = parseModule('src/core/a.ts', 'export default eval(process.env.CODE as any)')
  const told = breachesOf([module], []).map((breach) => breach.split('\n')[0])
  assert.deepEqual(told, [
    'process.env is read only in config/config.ts:',
    'text is never evaluated as code:',
    'no default exports:',
    'no any:',
  ])
})

test('what only the compiler must tell does not stop the rules', () => {
  const module = parseModule('src/core/a.ts', 'const a: any = 1\nconst a = 2')
  assert.equal(breachesOf([module], []).length, 1)
})

test('a file that cannot be parsed is named', () => {
  assert.throws(
    () => parseModule('src/core/a.ts', 'export const'),
    /^SyntaxError: src\/core\/a\.ts /,
  )
})
