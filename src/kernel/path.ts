/** Paths of operations: `{name}` stands for one segment, `{+name}` for all that follow (RFC 6570, 2.2). */

const parameter = /\{(\+?)(\w+)\}/g

/** The names in the path's braces. */
export function paramsOf(path: string): readonly string[] {
  return [...path.matchAll(parameter)].map(([, , name = '']) => name)
}

/** The path with something else in the place of each parameter. */
export function fillPath(path: string, fill: (name: string, rest: boolean) => string): string {
  return path.replaceAll(parameter, (_, plus: string, name: string) => fill(name, plus === '+'))
}
