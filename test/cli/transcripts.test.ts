/** Every transcript of this folder, played against the real program in a directory of its own. */
import assert from 'node:assert/strict'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { eventually } from '../eventually.ts'
import { temporaryDirectory } from '../temporary-directory.ts'
import { type Ended, locket, type Started, startLocket } from './program.ts'
import { type Memory, matches, parseTranscript, recalled, type Step } from './transcript.ts'

const wait_seconds = 30

for (const file of globSync(join(import.meta.dirname, '*.txt')).sort()) {
  test(basename(file, '.txt'), async (t) => {
    const session: Session = { t, cwd: temporaryDirectory(t), env: {}, memory: new Map() }
    for (const step of parseTranscript(readFileSync(file, 'utf8'))) await play(session, step)
    assert.equal(session.server, undefined, 'a transcript ends what it starts')
  })
}

interface Session {
  readonly t: TestContext
  readonly cwd: string
  readonly env: Record<string, string>
  readonly memory: Memory
  server?: Started | undefined
}

async function play(session: Session, step: Step): Promise<void> {
  const words = step.words.map((word) => recalled(word, session.memory))
  const at = words.findIndex((word) => !/^[A-Z_]+=/.test(word))
  const own = variables(words.slice(0, Math.max(0, at)))
  const [program, ...args] = words.slice(at)
  if (program === 'export') Object.assign(session.env, variables(args))
  else if (program === 'cat') writeFileSync(join(session.cwd, args[1] ?? ''), step.stdin)
  else if (program === 'kill') await killServer(session, step)
  else if (program === 'locket') await runLocket(session, step, { args, own })
  else if (program === 'eventually') {
    await eventually(() => runLocket(session, step, { args: args.slice(1), own }), wait_seconds)
  } else throw new Error(`line ${step.line}: a transcript knows locket, export, cat and kill`)
}

async function runLocket(
  session: Session,
  step: Step,
  { args, own }: { args: readonly string[]; own: Readonly<Record<string, string>> },
): Promise<void> {
  const around = { cwd: session.cwd, env: { ...session.env, ...own } }
  if (step.background) {
    const server = startLocket(session.t, args, around)
    const stdout = (await server.lines(step.stdout.length)).join('\n')
    compare(session, step, { code: step.code, stdout, stderr: server.stderr() })
    session.server = server
  } else compare(session, step, await locket(session.t, args, { ...around, stdin: step.stdin }))
}

async function killServer(session: Session, step: Step): Promise<void> {
  assert.ok(session.server, `line ${step.line}: nothing runs`)
  session.server.child.kill('SIGTERM')
  const { code } = await session.server.ended()
  assert.equal(code, step.code, `line ${step.line}: exit code`)
  session.server = undefined
}

function compare(session: Session, step: Step, ended: Ended): void {
  const said = `line ${step.line}: ${step.words.join(' ')}\n${ended.stdout}${ended.stderr}`
  assert.equal(ended.code, step.code, `exit code of ${said}`)
  sameLines(session, { expected: step.stdout, actual: ended.stdout, said })
  if (step.stderr.length === 0) return
  sameLines(session, { expected: step.stderr, actual: ended.stderr, said })
}

function sameLines(
  session: Session,
  { expected, actual, said }: { expected: readonly string[]; actual: string; said: string },
): void {
  const lines = actual === '' ? [] : actual.replace(/\n$/, '').split('\n')
  if (matches(lines, expected, session.memory)) return
  const wanted = expected.map((line) => recalled(line, session.memory))
  assert.deepEqual(lines, wanted, said)
}

function variables(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  )
}
