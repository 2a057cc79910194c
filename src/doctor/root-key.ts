/** The root key: where it lies, who can get at it, and whether it is the one of the data. */
import { existsSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import { isInside } from '../config/place.ts'
import { fileOf } from '../config/secrets.ts'
import { isInitialised, rootKeyFits } from '../storage/instance.ts'
import type { Check } from './check.ts'
import { CannotTell, type Finding, fail, pass, unsafe, warn } from './finding.ts'

export const rootKeyPlace: Check = {
  id: 'root-key-place',
  about: 'Where the root key is kept.',
  warns: 'It lies in the data directory (development), or comes from the environment.',
  fails: 'It lies in the data directory (production).',
  unknown: null,
  look: ({ config }) => {
    const { rootKey } = config
    const file = 'file' in rootKey ? rootKey.file : fileOf(rootKey.secret)
    if (file === null) return elsewhere(rootKey)
    if (!isInside(file, config.dataDir)) return pass(`${file}, outside the data directory`)
    return unsafe(
      config,
      `${file} lies in the data directory: a copy of the data can be read by whoever has it`,
      'move it elsewhere, with the tombstones, and name it with LOCKET_ROOT_KEY_FILE',
    )
  },
}

/** In no file. */
function elsewhere(rootKey: Config['rootKey']): Finding {
  const { label, reference } = 'secret' in rootKey ? rootKey.secret : { label: '', reference: '' }
  if (!reference.startsWith('env:')) return pass(`${reference}, outside the data directory`)
  const from = reference === `env:${label}` ? label : `${label}=${reference}`
  return warn(
    `it comes from ${from}: whoever can read the environment of the process has it`,
    'put it into a file of its own and name that with LOCKET_ROOT_KEY_FILE',
  )
}

export const rootKeyFile: Check = {
  id: 'root-key-file',
  about: 'Whether the root key can be read, by its owner alone, and has the right shape.',
  warns: null,
  fails: 'It is not there, others can reach it, it is another user’s, or it is not a key.',
  unknown: 'There is no root key because there is no Locket yet.',
  look: async (scene) => {
    const { rootKey } = scene.config
    if ('file' in rootKey && !existsSync(rootKey.file)) {
      await scene.database()
      return fail(
        `${rootKey.file} is not there`,
        'put it back from its copy: without it the data cannot be read',
      )
    }
    try {
      await scene.rootKey()
    } catch (thrown) {
      // These errors are for the operator and never hold a part of the key.
      return fail(thrown instanceof Error ? thrown.message : 'it cannot be read', 'mend the file')
    }
    return pass('file' in rootKey ? `${rootKey.file} is its owner’s alone` : 'it has its shape')
  },
}

export const rootKeyMatch: Check = {
  id: 'root-key-fits',
  about: 'Whether the root key is the one that the data was sealed with.',
  warns: 'A rotation was cut short, and the next start settles it.',
  fails: 'It is another key.',
  unknown: 'The root key or the data cannot be had.',
  look: async (scene) => {
    const { look } = await scene.database()
    if (!(await look.read(isInitialised))) await scene.data()
    const root = await keyOf(scene.rootKey)
    const { rootKey } = scene.config
    const isCutShort = 'file' in rootKey && existsSync(`${rootKey.file}.next`)
    if (isCutShort) {
      return warn('a rotation was cut short', 'start the server: it settles the rotation')
    }
    if (await look.read((tx) => rootKeyFits(tx, root))) return pass('it is the one of this data')
    return fail(
      'it is not the one of this data',
      'name the right file with LOCKET_ROOT_KEY_FILE, or put it back from its copy',
    )
  },
}

async function keyOf<Key>(read: () => Promise<Key>): Promise<Key> {
  try {
    return await read()
  } catch {
    throw new CannotTell('the root key cannot be had', 'see root-key-file')
  }
}
