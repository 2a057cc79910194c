import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LocketError } from './errors.ts'
import { parseJson } from './json.ts'
import { limits } from './limits.ts'

const depth = limits.json_depth_max
const keys = limits.json_keys_max

function detailOf(body: Uint8Array | string): string {
  try {
    parseJson(body)
  } catch (error) {
    assert.ok(error instanceof LocketError && error.code === 'invalid_json', String(error))
    assert.equal(error.cause, undefined, 'the SyntaxError quotes the body')
    return error.detail ?? ''
  }
  assert.fail(`was accepted: ${String(body).slice(0, 60)}`)
}

/** The same body as text and as bytes: both are refused, for the same reason. */
function refusals(bodies: readonly string[], reason: RegExp): void {
  for (const body of bodies) {
    assert.match(detailOf(body), reason, body.slice(0, 60))
    assert.match(detailOf(Buffer.from(body)), reason, body.slice(0, 60))
  }
}

const values = [
  ...[
    'null',
    'true',
    'false',
    '0',
    '-0',
    '-1',
    '1.5',
    '1e3',
    '1E+3',
    '1e-3',
    '-0.0',
    '123456789012',
  ],
  ...['9007199254740991', '-9007199254740991', '1e-400', '0.1234567890123456789', '9e15'],
  ...['""', '"a"', '"é"', '"😀"', '"\\ud83d\\ude00"', '"\\u00e9"', '"\\"\\\\\\/\\b\\f\\n\\r\\t"'],
  ...[
    '"\u2028\u2029"',
    '"\x7f"',
    '"\ufeff"',
    '"\\uFEFF"',
    '"\uffff"',
    '"__proto__"',
    '"{\\"a\\":1}"',
  ],
  ...[
    '[]',
    '[[]]',
    '[1,2]',
    '{}',
    '{"":0}',
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '{"a":"a"}',
  ],
  ...[
    ' [ 1 , 2 ] ',
    '\t\r\n{"a"\n:\t1 }\n',
    '{"a":1,"A":2}',
    '{"1":1,"01":2,"1.0":3}',
    '{"b":1,"a":2}',
  ],
  ...['{"constructor":{"prototype":1}}', '{"prototype":1,"toString":2,"hasOwnProperty":3}'],
  ...['{"a:":":{[","b":"]}"}', '{"\\"":1,"\\\\":2}', '{"proto":1,"__proto":2,"_proto__":3}'],
  ...['{"é":1,"e\u0301":2}', '{"length":1,"__defineGetter__":2}', '["\\\\u0000","\\\\ud800"]'],
]

describe('what is accepted', () => {
  test('is what JSON.parse makes of it', () => {
    for (const body of values) {
      const expected: unknown = JSON.parse(body)
      assert.deepStrictEqual(parseJson(body), expected, body)
      assert.deepStrictEqual(parseJson(Buffer.from(body)), expected, body)
    }
  })

  test('reads the part of a buffer that a view shows', () => {
    assert.equal(parseJson(Buffer.from('xx12xx').subarray(2, 4)), 12)
  })

  test('goes to the bounds, and one beyond is refused', () => {
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
    assert.doesNotThrow(() => parseJson(nested(depth)))
    const filled = (levels: number): string =>
      '[1, "]", '.repeat(levels) + '0'.padEnd(levels + 1, ']')
    assert.doesNotThrow(() => parseJson(filled(depth)))
    refusals([filled(depth + 1)], /deeper than 32 levels/)
    refusals([nested(depth + 1), `{"a":${nested(depth)}}`], /deeper than 32 levels/)
    const side = `[${Array.from({ length: 1000 }, () => nested(depth - 1)).join()}]`
    assert.doesNotThrow(() => parseJson(side))
    const wide = (count: number): string =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i])))
    assert.doesNotThrow(() => parseJson(wide(keys)))
    refusals([wide(keys + 1), `[${wide(keys)},{"a":1}]`], /more than 20000 keys/)
  })

  test('never touches a prototype', () => {
    parseJson('{"constructor":{"prototype":{"polluted":true}}}')
    assert.ok(!('polluted' in {}))
  })
})

describe('what is refused [V1.5.3]', () => {
  test('nothing at all', () => {
    refusals([''], /empty/)
    refusals([' ', '\n\t\r '], /not valid JSON/)
  })

  test('text that is not JSON', () => {
    const words = ['nul', 'True', 'NaN', 'Infinity', '-Infinity', 'undefined', 'a', "'a'", '`a`']
    const numbers = [
      '01',
      '-',
      '+1',
      '.5',
      '1.',
      '1e',
      '1e+',
      '0x10',
      '1_000',
      '--1',
      '-01',
      '1n',
      '１',
    ]
    const lists = ['[', ']', '[1', '[1,]', '[,1]', '[1 2]', '[1,,2]', '[1]]', '[1}', '[[]', '(1)']
    const objects = ['{', '}', '{"a"}', '{"a":}', '{a:1}', "{'a':1}", '{"a":1,}', '{,}', '{1:1}']
    const more = [
      '{"a" 1}',
      '{"a":1 "b":2}',
      '{"a":1]',
      '{"a"::1}',
      '{"a":1,,"b":2}',
      '{[]:1}',
      ':',
    ]
    const strings = [
      '"',
      '"a',
      '"\\"',
      '"\\x41"',
      '"\\u12"',
      '"\\u12g4"',
      '"\\',
      '"\n"',
      '"\t"',
      '"\0"',
    ]
    const around = [
      '1 2',
      '{} {}',
      '[]x',
      '{}//',
      '/**/1',
      '#1',
      '1;',
      '\u00a01',
      '\u20281',
      '1\0',
      '\v1',
    ]
    const all = [words, numbers, lists, objects, more, strings, around]
    refusals(all.flat(), /not valid JSON/)
  })

  test('bytes that are not UTF-8', () => {
    const bad = ['ff', 'c0a2', 'eda080', 'f4908080', 'c3', 'e28080e2', 'fe', 'fffe', 'feff']
    for (const hex of bad) {
      const body = Buffer.concat([Buffer.from('"'), Buffer.from(hex, 'hex'), Buffer.from('"')])
      assert.match(detailOf(body), /UTF-8/, hex)
    }
    for (const utf16 of [Buffer.from('\ufeff{}', 'utf16le'), Buffer.from('{"é":1}', 'latin1')]) {
      assert.match(detailOf(utf16), /UTF-8/)
    }
    assert.match(detailOf(Buffer.from('{}', 'utf16le')), /not valid JSON/)
  })

  test('a byte order mark', () => refusals(['\ufeff{}', '\ufeff'], /byte order mark/))

  test('a key twice in one object, however it is spelled', () => {
    const plain = ['{"a":1,"a":1}', '{"a":1,"b":2,"a":3}', '[{"b":{"a":1,"a":2}}]', '{"":1,"":2}']
    const escaped = ['{"a":1,"\\u0061":2}', '{"\\/":1,"/":2}', '{"\\u00e9":1,"é":2}']
    const numeric = ['{"1":1,"1":2}', '{"0":1,"\\u0030":2}', '{"😀":1,"\\ud83d\\ude00":2}']
    const inherited = ['{"constructor":1,"constructor":2}', '{"a":1,"c":{"d":[{"e":1}]},"a":{}}']
    refusals([...plain, ...escaped, ...numeric, ...inherited], /twice/)
  })

  test('the key __proto__, however it is spelled and wherever it is', () => {
    const bodies = ['{"__proto__":1}', '{"a":[{"__proto__":null}]}', '{"\\u005f_proto__":{}}']
    refusals(
      [...bodies, '{"__prot\\u006f__":{"a":1}}', '{"__proto__":{"__proto__":1}}'],
      /__proto__/,
    )
  })

  test('NUL in a string or a key', () => {
    refusals(['"\\u0000"', '{"a":"b\\u0000c"}', '{"\\u0000":1}', '[["a\\u0000"]]'], /NUL/)
  })

  test('half of a surrogate pair in a string or a key', () => {
    const escaped = ['"\\ud800"', '"\\udc00"', '"\\uD83Dx"', '"\\ude00\\ud83d"', '{"\\udfff":1}']
    refusals([...escaped, '{"a":["x\\udbff"]}', '"\\ud83d\\ud83d\\ude00"'], /surrogate/)
    for (const raw of ['"\ud800"', '{"\udc00":1}', '"\ud83d\\ude00"', '"\\ud83d\ude00"']) {
      assert.match(detailOf(raw), /surrogate/)
    }
  })

  test('a number that is not finite or would silently be another', () => {
    const finite = ['9007199254740992', '-9007199254740993', '1e16', '[18446744073709551615]']
    const infinite = ['1e999', '-1e999', '{"a":1e400}', '9'.repeat(400)]
    refusals([...finite, ...infinite, '1e308', '9007199254740993.0'], /beyond 2\^53/)
  })
})

describe('hostile input costs no more than its length', () => {
  const million = 1_000_000
  const bodies: Record<string, [body: string, reason: RegExp]> = {
    'a million brackets': ['['.repeat(million), /deeper/],
    'a million objects': ['{"a":'.repeat(million), /deeper/],
    'ten thousand levels, closed': ['['.repeat(10_000) + ']'.repeat(10_000), /deeper/],
    'a million of one key': [`{${'"a":1,'.repeat(million)}"b":1}`, /more than/],
    'a million quotes': ['"'.repeat(million + 1), /not valid/],
    'a million backslashes': [`"${'\\'.repeat(million + 1)}`, /not valid/],
    'a number of a million digits': ['9'.repeat(million), /beyond/],
    'a million minus signs': ['-'.repeat(million), /not valid/],
    'a million closing brackets': [']'.repeat(million), /not valid/],
  }
  for (const [name, [body, reason]] of Object.entries(bodies)) {
    test(name, () => {
      const start = performance.now()
      assert.match(detailOf(body), reason)
      assert.ok(performance.now() - start < 1_000)
    })
  }
})

describe('properties', () => {
  const isSafe = (value: number): boolean => Math.abs(value) <= Number.MAX_SAFE_INTEGER
  const string = fc
    .string({ unit: 'binary', maxLength: 8 })
    .filter((text) => text.isWellFormed() && !text.includes('\0') && text !== '__proto__')
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom(null, true, false, 0),
      fc
        .double({ noNaN: true, noDefaultInfinity: true })
        .filter(isSafe)
        .map((number) => number + 0),
      fc.maxSafeInteger(),
      string,
      fc.array(tie('value'), { maxLength: 6 }),
      fc.dictionary(string, tie('value'), { maxKeys: 6, noNullPrototype: true }),
    ),
  }))

  test('whatever JSON can say comes back', () => {
    fc.assert(
      fc.property(value, fc.constantFrom(0, 2), (original, indent) => {
        const body = JSON.stringify(original, null, indent)
        assert.deepStrictEqual(parseJson(body), JSON.parse(body))
        assert.deepStrictEqual(parseJson(Buffer.from(body)), original)
      }),
      { numRuns: 500 },
    )
  })

  test('a changed body is read as JSON.parse reads it, or refused as invalid_json', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255), drop: fc.nat(2) })
    fc.assert(
      fc.property(value, fc.array(change, { minLength: 1, maxLength: 4 }), (original, changes) => {
        const body = [...Buffer.from(JSON.stringify(original))]
        for (const { at, byte, drop } of changes) body.splice(at % (body.length + 1), drop, byte)
        try {
          const read = parseJson(Uint8Array.from(body))
          assert.deepStrictEqual(read, JSON.parse(Buffer.from(body).toString()))
        } catch (error) {
          assert.ok(error instanceof LocketError && error.code === 'invalid_json', String(error))
        }
      }),
      { numRuns: 1_000 },
    )
  })

  test('random text of the characters that matter never fails in another way', () => {
    const unit = fc.constantFrom(
      ...'{}[]",:\\0-1eu.d8 \n'.split(''),
      '__proto__',
      '\ud800',
      '\\u0000',
    )
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), (body) => {
        try {
          assert.deepStrictEqual(parseJson(body), JSON.parse(body))
        } catch (error) {
          assert.ok(error instanceof LocketError && error.code === 'invalid_json', String(error))
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('a detail never quotes the body', () => {
    const secret = 'sugar'
    const bodies = [
      `{"${secret}":}`,
      `${secret}`,
      `{"${secret}":1,"${secret}":2}`,
      `"${secret}\\ud800"`,
    ]
    for (const body of [...bodies, `["${secret}\\u0000"]`, `"${secret}`, `{"a":"${secret}"} x`]) {
      assert.doesNotMatch(detailOf(body), /sugar/)
    }
  })
})
