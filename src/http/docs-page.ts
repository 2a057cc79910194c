/**
 * `/docs`: the reference as one page without a script, made from the OpenAPI document. `html`
 * escapes whatever is put into it.
 */
import { html } from 'hono/html'
import { type ErrorCode, errorTable } from '../core/errors.ts'
import { curlSample, typeOf } from './docs-samples.ts'
import type { OpenApiDocument } from './openapi.ts'
import type { OpenApiOperation, Parameter } from './openapi-operation.ts'
import type { JsonSchema } from './openapi-schema.ts'

type Markup = ReturnType<typeof html>

interface Entry {
  readonly method: string
  readonly path: string
  readonly operation: OpenApiOperation
}

export async function docsPage(document: OpenApiDocument): Promise<string> {
  const groups = Map.groupBy(entriesOf(document), ({ operation }) => operation.tags[0] ?? '')
  const page = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Locket API</title>
<link rel="stylesheet" href="docs.css">
</head>
<body>
<header><h1>Locket API</h1><p>Version ${document.info.version}. Machine-readable: <a href="openapi.json">openapi.json</a>.</p></header>
<nav aria-label="Contents">${[...groups].map(([tag, entries]) => contents(tag, entries))}
<strong><a href="#errors">errors</a></strong></nav>
<main>
${introduction()}
${[...groups].map(([tag, entries]) => section(tag, { entries, document }))}
${errors()}
</main>
</body>
</html>
`
  return String(page)
}

function entriesOf({ paths }: OpenApiDocument): readonly Entry[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  )
}

function contents(tag: string, entries: readonly Entry[]): Markup {
  return html`<strong>${tag}</strong><ul>${entries.map(
    ({ operation: { operationId } }) => html`<li><a href="#${operationId}">${operationId}</a></li>`,
  )}</ul>`
}

function introduction(): Markup {
  return html`<h2>Requests</h2>
<p>Send the API key as <code>Authorization: Bearer lk_…</code> or <code>X-API-Key</code>, never in the URL. Bodies are JSON; a field that is not in the tables below is an error. Errors are <a href="https://www.rfc-editor.org/rfc/rfc9457">problem details</a> with one of the <a href="#errors">codes</a> at the end of this page.</p>
<p>A POST that takes <code>Idempotency-Key</code> may be sent again with the same key within 24 hours: it is answered again and not done again. An answer with a version carries it as <code>ETag</code>; sent back as <code>If-Match</code> it guards a change.</p>`
}

function section(
  tag: string,
  { entries, document }: { entries: readonly Entry[]; document: OpenApiDocument },
): Markup {
  return html`<section aria-labelledby="tag-${tag}"><h2 id="tag-${tag}">${tag}</h2>${entries.map(
    (entry) => article(entry, document),
  )}</section>`
}

function article({ method, path, operation }: Entry, document: OpenApiDocument): Markup {
  const base = document.servers[0]?.url ?? '/'
  const sample = curlSample({ method, path, operation, base })
  const given = operation.requestBody?.content['application/json'].schema
  return html`<article id="${operation.operationId}">
<h3>${inline(operation.summary)}</h3>
<p><code><span class="method">${method}</span> ${path}</code></p>
<p class="soft">Permission: ${permissionsShown(operation)}</p>
${parameterTable(operation.parameters)}
${given ? fieldTable('Body', given) : ''}
${answer(operation)}
<pre><code>${sample}</code></pre>
</article>`
}

function permissionsShown(operation: OpenApiOperation): Markup {
  const names = operation['x-permissions']
  return names.length === 0
    ? html`none; no credential is needed`
    : html`${names.map((name) => html`<code>${name}</code> `)}`
}

function parameterTable(parameters: OpenApiOperation['parameters']): Markup | '' {
  const own = parameters.filter((one): one is Parameter => !('$ref' in one))
  if (own.length === 0) return ''
  return table(
    'Parameters',
    own.map((one) => ({
      name: `${one.name} (${one.in})`,
      required: one.required,
      schema: one.schema,
      description: one.description,
    })),
  )
}

function fieldTable(title: string, schema: JsonSchema): Markup | '' {
  const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => ({
    name,
    required: (schema.required ?? []).includes(name),
    schema: field,
    description: field.description,
  }))
  return fields.length === 0 ? '' : table(title, fields)
}

function answer({ responses }: OpenApiOperation): Markup | '' {
  const [status, success] = Object.entries(responses)[0] ?? []
  if (!success || '$ref' in success) return ''
  const { schema } = success.content['application/json'] ?? {}
  if (!schema) return ''
  const items = schema.properties?.['items']?.items
  return html`<details><summary>Answer: ${status}</summary>${fieldTable('Answer', schema)}${
    items ? fieldTable('Each item', items) : ''
  }</details>`
}

interface Row {
  readonly name: string
  readonly required: boolean
  readonly schema: JsonSchema
  readonly description: string | undefined
}

function table(title: string, rows: readonly Row[]): Markup {
  return html`<h4>${title}</h4><div class="scroll"><table>
<thead><tr><th>Name</th><th>Type</th><th>Required</th><th>Description</th></tr></thead>
<tbody>${rows.map(row)}</tbody></table></div>`
}

function row({ name, required, schema, description }: Row): Markup {
  const preset =
    schema.default === undefined
      ? ''
      : html` Default <code>${JSON.stringify(schema.default)}</code>.`
  return html`<tr><td><code>${name}</code></td><td>${typeOf(schema)}</td><td>${
    required ? 'yes' : 'no'
  }</td><td>${inline(description ?? '')}${preset}</td></tr>
`
}

function errors(): Markup {
  const codes = Object.keys(errorTable) as readonly ErrorCode[]
  return html`<h2 id="errors">Errors</h2>
<div class="scroll"><table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead>
<tbody>${codes.map(
    (code) => html`<tr id="error-${code}"><td><code>${code}</code></td><td>${
      errorTable[code].status
    }</td><td>${errorTable[code].sentence}</td></tr>
`,
  )}</tbody></table></div>`
}

/** Backticks, as our sentences use them, become code. */
function inline(text: string): readonly (Markup | string)[] {
  return text.split('`').map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part))
}
