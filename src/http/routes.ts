/** The operations that HTTP offers, by the path they stand at. */
import type { Operation } from '../kernel/operation.ts'
import { paramsOf } from '../kernel/path.ts'
import { hasVersion } from './openapi-schema.ts'

/** An operation at its place in the URL space. */
export interface Route {
  readonly operation: Operation
  /** The names in the path's braces. */
  readonly params: readonly string[]
  /** POST and PATCH take their input in the body, GET and DELETE in the query. */
  readonly takesBody: boolean
  /** It changes something that has versions, so `If-Match` means something. */
  readonly versioned: boolean
}

/** Paths without a parameter come first: `/v1/memories/recall` is no memory. */
export function routesOf(
  operations: readonly Operation[],
): readonly (readonly [path: string, routes: readonly Route[]])[] {
  const offered = operations.filter((operation) => operation.surfaces.includes('http'))
  const byPath = Map.groupBy(offered, (operation) => operation.path)
  const all = [...byPath].map(([path, some]) => [path, routesAt(path, some)] as const)
  return [
    ...all.filter(([path]) => !path.includes('{')),
    ...all.filter(([path]) => path.includes('{')),
  ]
}

function routesAt(path: string, operations: readonly Operation[]): readonly Route[] {
  const params = paramsOf(path)
  const hasVersions = operations.some(
    ({ method, output }) => method === 'GET' && hasVersion(output),
  )
  return operations.map((operation) => ({
    operation,
    params,
    takesBody: operation.method === 'POST' || operation.method === 'PATCH',
    versioned: hasVersions && operation.effect !== 'read',
  }))
}
