/** For each rule: files that break it, one finding each, and files that keep it. */

export interface Fixture {
  /** The file, its text, and the line of the one finding (1 if not said). */
  readonly broken: readonly (readonly [file: string, text: string, line?: number])[]
  readonly kept: Readonly<Record<string, string>>
}

const zodUser = { 'src/core/z.ts': `import { z } from 'zod'` }

export const fixtures: Readonly<Record<string, Fixture>> = {
  'imports point downwards through the layers': {
    broken: [
      ['src/core/a.ts', `import { b } from '../storage/b.ts'`],
      ['src/core/a.ts', `import type { B } from '../kernel/b.ts'`],
      ['src/core/a.ts', `export { b } from '../crypto/b.ts'`],
      ['src/core/a.ts', `\nconst b = await import('../cli/b.ts')`, 2],
      ['src/core/a.ts', `type B = import('../app.ts').B`],
      ['src/crypto/a.ts', `import { b } from '../storage/b.ts'`],
      ['src/http/a.ts', `import { b } from '../mcp/b.ts'`],
      ['src/mcp/a.ts', `import { b } from '../http/b.ts'`],
      ['src/execute.ts', `import { b } from './config/config.ts'`],
      ['src/helping/a.ts', `export const a = 1`],
      ['src/other.ts', `export const a = 1`],
    ],
    kept: {
      'src/main.ts': `import { serve } from './cli/serve.ts'`,
      'src/app.ts': `import { config } from './config/config.ts'\nimport { route } from './http/router.ts'`,
      'src/storage/a.ts': `import { b } from './b.ts'\nimport { seal } from '../crypto/aead.ts'`,
      'src/core/a.test.ts': `import { b } from '../cli/b.ts'`,
      'src/core/words.ts': `// import { b } from '../cli/b.ts'\nexport const b = "import '../cli/b.ts'"`,
    },
  },
  'a feature imports only the features below it': {
    broken: [
      ['src/features/audit/a.ts', `import { b } from '../tenants/b.ts'`],
      ['src/features/memories/a.ts', `import type { B } from '../recall/b.ts'`],
      ['src/features/unheard-of/a.ts', `export const a = 1`],
      ['src/features/loose.ts', `export const a = 1`],
    ],
    kept: {
      'src/features/recall/a.ts': `import { b } from '../memories/b.ts'\nimport { c } from './c.ts'`,
      'src/features/encryption-keys/a.ts': `import { b } from '../api-keys/b.ts'`,
      'src/features/audit/a.test.ts': `import { b } from '../tenants/b.ts'`,
    },
  },
  'no import cycles between files or folders': {
    broken: [
      ['src/core/itself.ts', `import { b } from './itself.ts'`],
      ['src/core/below.ts', `import type { A } from './above.ts'`],
      ['src/core/deepest.ts', `\nimport { a } from './above.ts'`, 2],
      ['src/storage/folder/b.ts', `import { d } from '../d.ts'`],
    ],
    kept: {
      'src/core/above.ts': `import { b } from './below.ts'\nimport { c } from './deep.ts'`,
      'src/core/deep.ts': `import { c } from './deepest.ts'\nimport { b } from './below.ts'`,
      'src/storage/c.ts': `import { b } from './folder/b.ts'`,
      'src/core/above.test.ts': `import { a } from './above.test.ts'`,
    },
  },
  'packages are imported only where they belong': {
    broken: [
      ['src/kernel/a.ts', `import { sql } from 'kysely'`],
      ['src/features/memories/store-memory.ts', `import type { Kysely } from 'kysely'`],
      ['src/http/a.ts', `import { createHash } from 'node:crypto'`],
      ['src/http/a.ts', `import { createHash } from 'crypto'`],
      ['src/http/a.ts', `const { createHash } = process.getBuiltinModule('node:crypto')`],
      ['src/crypto/a.ts', `import { DatabaseSync } from 'node:sqlite'`],
      ['src/cli/a.ts', `import { Hono } from 'hono'`],
      ['src/mcp/a.ts', `import { serve } from '@hono/node-server'`],
      ['src/storage/a.ts', `import { z } from 'zod'`],
      ['src/cli/a.ts', `import { parse } from 'smol-toml'`],
      ['src/storage/a.ts', `import { spawn } from 'node:child_process'`],
      ['src/http/a.ts', `import { request } from 'undici'`],
      ['src/cli/a.ts', `import { lookup } from 'node:dns/promises'`],
      ['src/main.ts', `import vm from 'node:vm'`],
      ['src/main.ts', `const name = 'node:vm'\nawait import(name)`, 2],
    ],
    kept: {
      'src/storage/a.ts': `import { Kysely } from 'kysely'\nimport { DatabaseSync } from 'node:sqlite'`,
      'src/features/memories/store.ts': `import { sql } from 'kysely'`,
      'src/features/memories/memory.ts': `import { z } from 'zod'`,
      'src/crypto/aead.ts': `import { createCipheriv } from 'node:crypto'`,
      'src/egress/a.ts': `import { lookup } from 'node:dns/promises'\nimport { Agent } from 'undici'`,
      'src/config/file.ts': `import { parse } from 'smol-toml'\nimport { z } from 'zod'`,
      'src/http/router.ts': `import { Hono } from 'hono'\nimport { cors } from 'hono/cors'`,
      'src/app.ts': `import { Hono } from 'hono'`,
      'src/http/a.test.ts': `import { createHash } from 'node:crypto'`,
    },
  },
  'what runs imports no test and nothing outside src/': {
    broken: [
      ['src/core/a.ts', `import { b } from './b.test.ts'`],
      ['src/core/a.ts', `import { b } from '../../test/b.ts'`],
      ['src/core/a.ts', `import { test } from 'node:test'`],
    ],
    kept: {
      'src/core/a.ts': `import manifest from '../../package.json' with { type: 'json' }`,
      'src/core/a.test.ts': `import { b } from '../../test/b.ts'\nimport { test } from 'node:test'`,
    },
  },
  'the stranger’s verifier imports nothing but what Node has': {
    broken: [
      ['test/tlog-verifier.ts', `import { rootOf } from '../src/tlog/merkle.ts'`],
      ['test/tlog-verifier.ts', `import { tree } from './trees.ts'`],
      ['test/tlog-verifier.ts', `import type { Tree } from 'trees'`],
    ],
    kept: {
      'test/tlog-verifier.ts': `import { verify } from 'node:crypto'`,
      'test/audit-log-stranger.test.ts': `import { walkLog } from './tlog-verifier.ts'`,
    },
  },
  'runtime dependencies are exactly what src/ imports': {
    broken: [
      ['src/core/a.ts', `import fc from 'fast-check'`],
      ['src/core/a.ts', `import { a } from '@scope/name/part'`],
      ['src/core/z.ts', `import type { A } from 'undeclared'\nimport { z } from 'zod'`],
    ],
    kept: {
      ...zodUser,
      'src/core/built-in.ts': `import { join } from 'node:path'`,
      'src/core/a.test.ts': `import fc from 'fast-check'`,
    },
  },
  'process.env is read only in config/config.ts': {
    broken: [
      ['src/core/a.ts', `export const a = process.env.HOME`],
      ['src/core/a.ts', `export const a = process.env['HOME']`],
      ['src/core/a.ts', `export const a = globalThis.process?.env`],
      ['src/core/a.ts', `const { argv, env } = process`],
      ['src/core/a.ts', `import { env } from 'node:process'`],
      ['src/config/settings.ts', `export const a = process.env.HOME`],
    ],
    kept: {
      'src/config/config.ts': `export const home = process.env.HOME`,
      'src/core/a.ts': `import { env } from './b.ts'\nexport const a = "process.env"`,
      'src/core/a.test.ts': `export const a = process.env.HOME`,
    },
  },
  'the time is read only in core/clock.ts': {
    broken: [
      ['src/http/a.ts', `export const a = Date.now()`],
      ['src/http/a.ts', `export const a = () => new Date()`],
      ['src/http/a.ts', `export const a = Date()`],
      ['src/http/a.ts', `export const a = performance.now()`],
      ['src/http/a.ts', `export const a = process.hrtime.bigint()`],
    ],
    kept: {
      'src/core/clock.ts': `export const now = () => Date.now()`,
      'src/http/a.ts': `export const a = new Date(0)\nexport const b = Date.parse('2026-01-01')`,
    },
  },
  'Math.random is used nowhere': {
    broken: [
      ['src/core/a.ts', `export const a = Math.random()`],
      ['src/crypto/a.ts', `const { random } = Math`],
    ],
    kept: { 'src/core/a.ts': `export const a = Math.max(1, 2)` },
  },
  'cryptography is used only in crypto/': {
    broken: [
      ['src/http/a.ts', `export const a = lib.timingSafeEqual`],
      ['src/http/a.ts', `export const a = crypto.randomUUID()`],
      ['src/http/a.ts', `export const a = globalThis.crypto.subtle`],
    ],
    kept: { 'src/crypto/a.ts': `import { timingSafeEqual } from 'node:crypto'` },
  },
  'only cli/output.ts writes to standard output and error': {
    broken: [
      ['src/core/a.ts', `console.log('a')`],
      ['src/cli/output.ts', `console.error('a')`],
      ['src/core/a.ts', `const { warn } = console`],
      ['src/cli/serve.ts', `process.stdout.write('a')`],
      ['src/cli/serve.ts', `import { stderr } from 'node:process'`],
    ],
    kept: { 'src/cli/output.ts': `process.stdout.write('a')` },
  },
  'other servers are called only through egress/': {
    broken: [
      ['src/features/a.ts', `const answer = await fetch('https://example.com')`],
      ['src/features/a.ts', `export const call = globalThis.fetch`],
      ['src/features/a.ts', `const socket = new WebSocket('wss://example.com')`],
      ['src/http/a.ts', `import { request } from 'node:https'`],
      ['src/http/a.ts', `import http from 'node:http'`],
      ['src/http/a.ts', `import * as net from 'net'`],
      ['src/storage/a.ts', `import { connect as open } from 'node:tls'`],
      ['src/storage/a.ts', `import { isIP, Socket } from 'node:net'`],
      ['src/storage/a.ts', `const net = await import('node:net')`],
    ],
    kept: {
      'src/egress/a.ts': `import { connect } from 'node:tls'\nawait fetch('https://example.com')`,
      'src/cli/remote.ts': `const answer = await fetch(url)`,
      'src/http/a.ts': `import { createServer, type Agent } from 'node:http'\nawait app.fetch(request)`,
      'src/http/b.ts': `import type { Socket } from 'node:net'`,
      'src/http/a.test.ts': `await fetch('https://example.com')`,
    },
  },
  'text is never evaluated as code': {
    broken: [
      ['src/core/a.ts', `eval('1')`],
      ['src/core/a.ts', `globalThis.eval('1')`],
      ['src/core/a.ts', `export const a = new Function('return 1')`],
    ],
    kept: { 'src/core/a.ts': `export const a = evaluate('1')` },
  },
  'no SQL is put together from strings outside storage/': {
    broken: [
      ['src/features/memories/store.ts', 'db.exec(`DELETE FROM a WHERE id = ${id}`)'],
      ['src/features/memories/store.ts', `db.exec('DELETE FROM a WHERE id = ' + id)`],
      ['src/features/memories/store.ts', 'db.prepare(`SELECT ${column} FROM a`)'],
      ['src/features/memories/store.ts', 'db.prepare(text)'],
      ['src/features/memories/store.ts', 'sql.raw(column)'],
      ['src/features/memories/store.ts', 'sql.lit(value)'],
    ],
    kept: {
      'src/features/memories/store.ts':
        'db.prepare(`SELECT 1`)\npattern.exec(text)\nsql`SELECT ${id}`\nsql.raw("DESC")\nx.toString(`${a}`)',
      'src/storage/sqlite.ts': 'db.exec(`PRAGMA user_version = ${version}`)',
    },
  },
  'no default exports': {
    broken: [
      ['src/core/a.ts', `export default 1`],
      ['src/core/a.test.ts', `const a = 1\nexport { a as default }`, 2],
    ],
    kept: { 'src/core/a.ts': `import a from './b.json'\nexport { a }` },
  },
  'no export *': {
    broken: [
      ['src/core/a.ts', `export * from './b.ts'`],
      ['src/core/a.ts', `export * as b from './b.ts'`],
    ],
    kept: { 'src/core/a.ts': `export { b } from './b.ts'` },
  },
  'no index.ts and no vague names': {
    broken: [
      ['src/core/index.ts', ''],
      ['src/utils/a.ts', ''],
      ['src/core/helpers.ts', ''],
      ['test/common/a.ts', ''],
      ['src/core/manager.test.ts', ''],
    ],
    kept: { 'src/core/blind-index.ts': '', 'src/features/indexes/a.ts': '' },
  },
  'no any': {
    broken: [
      ['src/core/a.ts', `export const a: any = 1`],
      ['src/core/a.ts', `export const a = b as any`],
      ['src/core/a.test.ts', `export type A = Record<string, any>`],
    ],
    kept: { 'src/core/a.ts': `export const any: unknown = 'any' // any` },
  },
  'no check is silenced without a reason': {
    broken: [
      ['src/core/a.ts', `// @ts-ignore: there is a good reason`],
      ['src/core/a.ts', `/* @ts-nocheck */`],
      ['src/core/a.ts', `// @ts-expect-error`],
      ['src/core/a.test.ts', `\n// biome-ignore lint/style/noVar: because`, 2],
      ['src/core/a.ts', `// biome-ignore lint/style/noVar:`],
      ['src/core/a.ts', `/** biome-ignore-all lint/style/noVar: it is simpler this way */`],
    ],
    kept: {
      'src/core/a.ts': `// @ts-expect-error the types of b say otherwise\n// biome-ignore lint/style/noVar: hoisting is the point here`,
      'src/core/b.ts': `// never write @ts-ignore`,
    },
  },
}
