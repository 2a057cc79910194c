/** Locket's own export: what the caller may say of a memory comes back, what the server says is left. */
import { isId } from '../../core/ids.ts'
import { Memory, newMemoryFields } from '../../features/memories/memory.ts'
import { Refusal, type Shape, sourceKey, without } from './shape.ts'

const own = new Set(Object.keys(newMemoryFields))
/** For information: ids, versions and provenance are made anew where the memory is stored. */
const told = Object.keys(Memory.shape).filter((name) => !own.has(name))

export const locketShape: Shape = {
  name: 'locket',
  summary: 'What `locket export` wrote.',
  fits: ({ id, text, provenance }) =>
    typeof id === 'string' &&
    isId('mem', id) &&
    typeof text === 'string' &&
    provenance !== undefined,
  drafts: (record) => {
    const { key, ...fields } = without(record, told)
    const unknown = Object.keys(fields).find((name) => !own.has(name))
    if (unknown !== undefined) throw new Refusal('is no field of an exported memory', unknown)
    return [{ ...fields, key: key ?? sourceKey('locket', record['id']) }]
  },
}
