/** `/openapi.json`, `/docs` and its style sheet: made when first asked for, then kept. */
import { docsPage } from './docs-page.ts'
import { docsStyle } from './docs-style.ts'
import { pagePolicy } from './headers.ts'
import { type DocumentOptions, openApiDocument } from './openapi.ts'
import type { Endpoint, Reply } from './reply.ts'

export const docsPaths = ['/openapi.json', '/docs', '/docs.css'] as const

type DocsPath = (typeof docsPaths)[number]

export function docsEndpoints(options: DocumentOptions): Readonly<Record<DocsPath, Endpoint>> {
  const document = once(() => openApiDocument(options))
  const json = once((): Reply => {
    return { status: 200, type: 'application/json', body: JSON.stringify(document()) }
  })
  const page = once(async (): Promise<Reply> => {
    return {
      status: 200,
      type: 'text/html; charset=utf-8',
      body: await docsPage(document()),
      headers: { 'Content-Security-Policy': pagePolicy },
    }
  })
  const style: Reply = { status: 200, type: 'text/css; charset=utf-8', body: docsStyle }
  return { '/openapi.json': json, '/docs': page, '/docs.css': () => style }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
