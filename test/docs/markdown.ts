/** The documents of the project as the checks see them: fenced samples, links, names in code. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..')

export interface Sample {
  /** What stands behind the fence: `sh`, `json`, `console`. */
  readonly language: string
  /** The line of its first line of text, from 1. */
  readonly line: number
  readonly text: string
}

export interface Document {
  /** From the root of the repository. */
  readonly file: string
  readonly text: string
  readonly samples: readonly Sample[]
  /** The text with its fenced samples blanked, lines in their places. */
  readonly prose: string
}

/** Something said at a place. */
export interface Mention {
  readonly line: number
  readonly text: string
}

/** Every document of the project. */
export function readDocuments(): readonly Document[] {
  const inDocs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  const files = [...readdirSync(root), ...inDocs.map((file) => join('docs', file))]
  return files
    .filter((file) => file.endsWith('.md'))
    .sort()
    .map((file) => parseDocument(file, readFileSync(join(root, file), 'utf8')))
}

/** Takes a document apart. A fence that is never closed is an error. */
export function parseDocument(file: string, text: string): Document {
  const samples: Sample[] = []
  const prose: string[] = []
  let open: { language: string; line: number; lines: string[] } | null = null
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^```(\w*)$/.exec(line)
    if (open && fence) {
      samples.push({ ...open, text: open.lines.join('\n') })
      open = null
    } else if (open) open.lines.push(line)
    else if (fence) open = { language: fence[1] ?? '', line: index + 2, lines: [] }
    prose.push(open || fence ? '' : line)
  }
  if (open) throw new Error(`${file}:${open.line}: a sample is not closed`)
  return { file, text, samples, prose: prose.join('\n') }
}

/** Where a pattern with one group matches, and what the group holds. */
export function mentions(text: string, pattern: RegExp): readonly Mention[] {
  return text
    .split('\n')
    .flatMap((content, index) =>
      [...content.matchAll(pattern)].map((match) => ({ line: index + 1, text: match[1] ?? '' })),
    )
}

/** The anchors of a document's headings, as GitHub makes them. */
export function anchorsOf(document: Document): ReadonlySet<string> {
  const headings = mentions(document.prose, /^#+ (.+)$/g)
  return new Set(headings.map(({ text }) => anchorOf(text)))
}

function anchorOf(heading: string): string {
  const plain = heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '')
  return plain.trim().replace(/\s/g, '-')
}

/**
 * All shell samples of a document as one script, each line where it stands in the document, so that
 * the shell's line numbers are the document's.
 */
export function scriptOf({ samples, text }: Document): string {
  const lines = text.split('\n').map(() => '')
  for (const sample of samples.filter(({ language }) => language === 'sh')) {
    for (const [at, line] of sample.text.split('\n').entries()) lines[sample.line - 1 + at] = line
  }
  return lines.join('\n')
}
