/** The shapes that can be imported, by the names that `--from` takes; the narrowest first. */
export const shapeNames = ['locket', 'server-memory', 'langgraph', 'mem0', 'jsonl'] as const

export type ShapeName = (typeof shapeNames)[number]
