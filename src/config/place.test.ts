import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { isInside } from './place.ts'

test('what lies in a directory', (t) => {
  const directory = temporaryDirectory(t)
  const data = join(directory, 'data')
  mkdirSync(join(data, 'deep'), { recursive: true })
  symlinkSync(join(data, 'deep'), join(directory, 'link'))
  const inside = [
    data,
    join(data, 'root.key'),
    join(data, '..keys', 'root.key'),
    join(data, '..root.key'),
    join(data, 'deep', '..', 'root.key'),
    join(directory, 'link', 'root.key'),
    join(directory, 'link', 'not', 'there', 'root.key'),
  ]
  for (const path of inside) assert.equal(isInside(path, data), true, path)
})

test('what does not', (t) => {
  const directory = temporaryDirectory(t)
  const data = join(directory, 'data')
  mkdirSync(data)
  symlinkSync(directory, join(data, 'out'))
  const outside = [
    directory,
    join(directory, 'root.key'),
    join(directory, 'data.key'),
    join(data, '..', 'keys', 'root.key'),
    join(data, 'out', 'root.key'),
  ]
  for (const path of outside) assert.equal(isInside(path, data), false, path)
})
