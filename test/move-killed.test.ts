/** kill -9 while an instance is being moved: at no point can both sides be served, or neither for good. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { openInstance } from '../src/instance.ts'
import { startLocket } from './cli/program.ts'
import {
  answers,
  contentsOf,
  farPlace,
  filled,
  log,
  nearPlace,
  type Place,
  serving,
  withKeysOf,
} from './moving.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const batches = 50

/** So much that a copy takes far longer than a signal does. */
async function large(place: Place): Promise<string> {
  const admin = await filled(place)
  const items = Array.from({ length: 100 }, (_, at) => ({ text: `told us ${at} things` }))
  await serving(place, admin, async (call) => {
    for (let batch = 0; batch < batches; batch += 1) {
      await call('POST', '/v1/memories/batch', { body: { space: 'team:large', items } })
    }
  })
  return admin
}

const nameOf = ({ config }: Place): string => config.database?.url ?? config.dataDir

/** Runs `locket move` and kills it as soon as it says this. Null: runs it to its end. */
async function moveUntil(
  t: TestContext,
  [source, target]: readonly [Place, Place],
  said: string | null,
): Promise<void> {
  const args = ['move', '--from', nameOf(source), '--to', nameOf(target)]
  const started = startLocket(t, args, { cwd: temporaryDirectory(t) })
  let ended = false
  const end = started.ended().finally(() => {
    ended = true
  })
  while (said !== null && !ended) {
    if (started.stderr().includes(said)) started.child.kill('SIGKILL')
    await pause(1)
  }
  const { code, stderr } = await end
  assert.equal(code, said === null ? 0 : null, stderr)
}

async function opens({ config }: Place): Promise<boolean> {
  try {
    await (await openInstance(config, { log, create: false })).close()
    return true
  } catch {
    return false
  }
}

test('a move that is killed leaves one side in use, and ends when it is run again', async (t) => {
  const near = nearPlace(t)
  const admin = await large(near)
  const before = await serving(near, admin, answers)
  const far = withKeysOf(near, await farPlace(t))

  await moveUntil(t, [near, far], 'copying')
  assert.deepEqual(Object.values(await contentsOf(far)).flat(), [], 'the target is empty')
  assert.deepEqual(await serving(near, admin, answers), before)

  for (const said of ['reading the source', 'reading the copy']) {
    await moveUntil(t, [near, far], said)
    assert.deepEqual([await opens(near), await opens(far)], [true, false], said)
  }

  await moveUntil(t, [near, far], null)
  assert.equal(await opens(near), false)
  assert.deepEqual(await serving(far, admin, answers), before)
})
