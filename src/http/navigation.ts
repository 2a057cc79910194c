/**
 * What a browser is answered that another server, or a link, has sent here: a redirect, a page of ours
 * that asks first or leads on, or one that says what went wrong. Programs that take no HTML get the same as JSON.
 *
 * It is led on by a page, not by a redirect: a cookie that is `SameSite=Strict` is not sent with what
 * another site has begun, and a redirect goes on with that. What our own page begins is our own.
 */
import { html } from 'hono/html'
import { errorTable, type LocketError } from '../core/errors.ts'
import { pagePolicy } from './headers.ts'
import { problemReply } from './problem.ts'
import { jsonReply, type Reply } from './reply.ts'

/** What an operation that is navigated to puts out: the first two of `away`, the others of `home`. */
interface Onward {
  readonly location?: string | null
  readonly asks?: Asks | null
  readonly returnTo?: string | null
  /** What is still to be shown before he is signed in. */
  readonly challenge?: string | null
}

/** By which provider, as whose member. */
interface Asks {
  readonly tenant: string
  readonly provider: string
  readonly issuer: string
}

type Headers = Readonly<Record<string, string>>

export interface Navigated {
  readonly status: number
  readonly output: unknown
  readonly headers: Headers
  /** Whether it is a browser that asks. */
  readonly wantsPage: boolean
  /** The query that it was asked with, as it was sent. */
  readonly search: string
}

export async function navigationReply({
  status,
  output,
  headers,
  wantsPage,
  search,
}: Navigated): Promise<Reply> {
  const { location, asks, returnTo = null, challenge = null } = output as Onward
  if (location) return jsonReply(status, output, { ...headers, Location: location })
  if (asks && wantsPage) return askingPage(asks, { headers, search })
  if (!wantsPage) return jsonReply(asks ? 200 : status, output, headers)
  const path = returnTo && withChallenge(returnTo, challenge)
  const title = challenge === null ? 'Signed in' : 'One more step'
  return page(status, { title, head: headOf(path), body: await bodyOf(path, challenge), headers })
}

/**
 * A page that whoever has sent the browser here can neither read, nor frame, nor press the link of. The link is
 * to this address again; that a page of ours has asked for it then, the browser says. No form: what a form
 * may lead to (`form-action`) is held against the redirect that follows as well.
 */
async function askingPage(
  { tenant, provider, issuer }: Asks,
  { headers, search }: Pick<Navigated, 'headers' | 'search'>,
): Promise<Reply> {
  const body =
    await html`<p>Another site has sent you here, to sign in to the tenant <strong>${tenant}</strong>
by the identity provider <strong>${provider}</strong> (<code>${issuer}</code>).</p>
<p>Go on only if you meant to. You are then signed in here as whoever you are there.</p>
<p><a href="${search}" rel="noreferrer">Sign in to ${tenant}</a></p>
<p>If you did not mean to, close this page: nothing has happened.</p>`
  return page(200, { title: 'Before you sign in', head: '', body, headers })
}

/** Behind `#`, which browsers send to nobody: for the script of the page that asks for the factor. */
function withChallenge(path: string, challenge: string | null): string {
  if (challenge === null) return path
  const [place = ''] = path.split('#')
  return `${place}#challenge=${challenge}`
}

function bodyOf(path: string | null, challenge: string | null) {
  if (path !== null) return html`<p><a href="${path}">Go on</a></p>`
  return challenge === null
    ? html`<p>You can close this page.</p>`
    : html`<p>A second factor has to be shown, and the link that brought you here leads to no page
for it.</p>`
}

export async function refusalPage(error: LocketError, requestId: string): Promise<Reply> {
  const { code, status, detail } = error
  const body = await html`<p>${errorTable[code].sentence}</p>
${detail === undefined ? '' : html`<p>${detail}</p>`}
<p><code>${code}</code> <code>${requestId}</code></p>`
  const { headers = {} } = problemReply(error, { requestId, docsUrl: null })
  return page(status, { title: 'Not signed in', head: '', body, headers })
}

/** Whether who asks would show a page: browsers name HTML before anything. */
export function wantsPage(accept: string | null): boolean {
  return /^\s*text\/html\b/i.test(accept ?? '')
}

/** Our own page begins what comes next, and its place in the history is taken by that. */
function headOf(returnTo: string | null) {
  return returnTo === null ? '' : html`<meta http-equiv="refresh" content="0; url=${returnTo}">`
}

interface Page {
  readonly title: string
  readonly head: unknown
  readonly body: unknown
  readonly headers: Headers
}

async function page(status: number, { title, head, body, headers }: Page): Promise<Reply> {
  const text = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${head}
<title>${title}: Locket</title>
</head>
<body>
<h1>${title}</h1>
${body}
</body>
</html>
`
  return {
    status,
    type: 'text/html; charset=utf-8',
    body: String(text),
    headers: { ...headers, 'Content-Security-Policy': pagePolicy },
  }
}
