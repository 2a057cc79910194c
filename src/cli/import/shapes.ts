/** The shapes that can be imported, and which of them a record is. */
import { jsonlShape } from './jsonl.ts'
import { langgraphShape } from './langgraph.ts'
import { locketShape } from './locket.ts'
import { mem0Shape } from './mem0.ts'
import { serverMemoryShape } from './server-memory.ts'
import type { JsonObject, Shape } from './shape.ts'

/** The narrowest first: nearly everything has a text. */
export const shapes: readonly Shape[] = [
  locketShape,
  serverMemoryShape,
  langgraphShape,
  mem0Shape,
  jsonlShape,
]

export function shapeNamed(name: string): Shape | undefined {
  return shapes.find((shape) => shape.name === name)
}

export function detectShape(record: JsonObject): Shape | undefined {
  return shapes.find((shape) => shape.fits(record))
}
