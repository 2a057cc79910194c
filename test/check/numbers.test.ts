/** The measuring is shown sources of known size: a bound that cannot be broken holds nothing. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseModule } from '../architecture/modules.ts'
import { functionsOf, linesOf, measure, median } from './numbers.ts'

/** `count` statements, one to a line. */
function lines(count: number): string {
  return 'work()\n'.repeat(count)
}

function breaches(text: string, file = 'src/core/a.ts'): readonly string[] {
  return measure([parseModule(file, text)]).breaches.map(({ line, what }) => `${line} ${what}`)
}

function named(text: string): readonly string[] {
  return functionsOf(parseModule('src/core/a.ts', text)).map(({ name }) => name)
}

describe('functions', () => {
  test('are found in every form, with their names', () => {
    const text = `
      function declared() {}
      const arrow = () => 1
      const expression = function () {}
      const table = { property: () => 1, method() {} }
      class Thing { classMethod() {} #hidden() {} }
      list.map((item) => item)`
    assert.deepEqual(named(text), [
      'declared',
      'arrow',
      'expression',
      'property',
      'method',
      'classMethod',
      '(anonymous)',
      '(anonymous)',
    ])
  })

  test('declared types are not counted', () => {
    assert.deepEqual(
      named('interface A { run(a: 1, b: 2, c: 3, d: 4): void }\ntype B = () => 1'),
      [],
    )
  })

  test('are measured from their first line to their last', () => {
    const [size] = functionsOf(parseModule('src/core/a.ts', `\nfunction a() {\n${lines(2)}}`))
    assert.deepEqual([size?.line, size?.lines], [2, 4])
  })

  test('of 70 lines pass, of 71 do not', () => {
    assert.deepEqual(breaches(`function a() {\n${lines(68)}}\n${small(3)}`), [])
    assert.deepEqual(breaches(`function a() {\n${lines(69)}}\n${small(3)}`), [
      '1 function a has 71 lines, over 70: split it',
    ])
  })

  test('of a test are held to it too, the body of a describe is not', () => {
    const body = `() => {\n${lines(80)}}`
    assert.equal(breaches(`test('a', ${body})`, 'src/core/a.test.ts').length, 1)
    assert.deepEqual(breaches(`describe('a', ${body})`, 'src/core/a.test.ts'), [])
  })

  test('of three parameters pass, of four do not, and `this` is none', () => {
    assert.deepEqual(breaches('function a(this: A, b: B, c: C, d: D) {}'), [])
    assert.deepEqual(breaches('const a = (b: B, c: C, d: D, e: E) => 1'), [
      '1 function a takes 4 parameters, over 3: pass one options object',
    ])
  })

  test('with a median of 12 lines pass, of 13 do not', () => {
    assert.deepEqual(breaches(`function a() {\n${lines(10)}}`), [])
    assert.deepEqual(breaches(`function a() {\n${lines(11)}}`), [
      '0 functionLines_median is 13, over 12',
    ])
  })
})

describe('files', () => {
  test('of 400 lines pass, of 401 do not', () => {
    const short = parseModule('src/core/b.ts', lines(1))
    const found = (count: number) =>
      measure([parseModule('src/core/a.ts', lines(count)), short]).breaches.map(({ what }) => what)
    assert.deepEqual(found(400), [])
    assert.deepEqual(found(401), ['file has 401 lines, over 400: split it'])
  })

  test('with a median of 120 lines pass, of 121 do not', () => {
    assert.deepEqual(breaches(lines(120)), [])
    assert.deepEqual(breaches(lines(121)), ['0 fileLines_median is 121, over 120'])
  })

  test('are counted without the last line break', () => {
    assert.equal(linesOf(parseModule('src/core/a.ts', 'a\nb\n')), 2)
    assert.equal(linesOf(parseModule('src/core/a.ts', 'a\nb')), 2)
  })

  test('of tests do not count for the medians', () => {
    assert.deepEqual(breaches(lines(121), 'src/core/a.test.ts'), [])
  })
})

describe('tests to source', () => {
  const source = parseModule('src/core/a.ts', lines(100))
  const tests = (count: number) => parseModule('test/a.test.ts', lines(count))

  test('is the lines of the one for a line of the other; benches are neither', () => {
    const bench = parseModule('bench/a.ts', lines(300))
    assert.equal(measure([source, tests(200), bench]).testRatio, 2)
    assert.equal(measure([]).testRatio, 0)
  })

  test('only warns', () => {
    assert.deepEqual(measure([source, tests(150)]).warnings, [])
    assert.deepEqual(measure([source, tests(250)]).warnings, [])
    assert.deepEqual(measure([source, tests(140)]).warnings, [
      'tests to source is 1.40, outside 1.5 to 2.5',
    ])
    assert.equal(measure([source, tests(260)]).warnings.length, 1)
    assert.deepEqual(measure([source, tests(140)]).breaches, [])
  })
})

test('the median is the middle value', () => {
  assert.equal(median([]), 0)
  assert.equal(median([3]), 3)
  assert.equal(median([10, 1, 2]), 2)
  assert.equal(median([4, 1, 2, 3]), 2)
})

/** `count` functions of one line, that keep the median low. */
function small(count: number): string {
  return 'work(() => 1)\n'.repeat(count)
}
