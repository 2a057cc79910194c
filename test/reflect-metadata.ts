/**
 * What @peculiar/x509 wants of `Reflect` before it is imported: notes on classes that its dependency
 * container keeps. The usual polyfill comes with `@simplewebauthn/server`, which is loaded late or never;
 * when it is, it takes the place of this, and what was noted here is not asked for again.
 */
const notes = new WeakMap<object, Map<unknown, unknown>>()

function notesOf(target: object): Map<unknown, unknown> {
  const known = notes.get(target) ?? new Map<unknown, unknown>()
  notes.set(target, known)
  return known
}

const additions = {
  getOwnMetadata: (name: unknown, target: object): unknown => notesOf(target).get(name),
  getMetadata: (name: unknown, target: object): unknown => notesOf(target).get(name),
  defineMetadata: (name: unknown, value: unknown, target: object): void => {
    notesOf(target).set(name, value)
  },
}

if (!('getMetadata' in Reflect)) Object.assign(Reflect, additions)
