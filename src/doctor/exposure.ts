/** What the settings open to the outside: the mode, the listener, and what weakens a default. */
import { isLoopback } from '../config/loopback.ts'
import { isOwnMachine, isTooWide } from '../config/proxies.ts'
import { refusals } from '../config/safety.ts'
import type { Check } from './check.ts'
import { count, type Finding, fail, pass, unsafe, warn } from './finding.ts'

export const mode: Check = {
  id: 'mode',
  about: 'Whether the server runs in production mode, and would start with these settings.',
  warns: 'It is in development mode.',
  fails: 'The server would not start: the settings are refused.',
  unknown: null,
  look: async ({ config, settings }) => {
    const [first, ...more] = await refusals(settings)
    if (first !== undefined) {
      const others = more.length === 0 ? '' : `, and ${more.length} more`
      return fail(`${config.mode} refuses: ${first}${others}`, '`locket config check` lists all')
    }
    if (config.mode === 'production') return pass('production, and nothing is refused')
    const strict = { ...settings, config: { ...config, mode: 'production' as const } }
    const number = (await refusals(strict)).length
    const left = number === 0 ? 'nothing' : count(number, 'thing')
    return warn(
      `development: what is not safe is not refused (${left} would be in production)`,
      'serve people with --mode production; `locket config check --mode production` says what is left',
    )
  },
}

export const listener: Check = {
  id: 'listener',
  about: 'Who can reach the listener, and whether what goes over it is encrypted.',
  warns: 'Other machines reach it in plain text (development), or any address may be a proxy.',
  fails: 'The same in production.',
  unknown: null,
  look: ({ config }) => {
    const { host, tls, trustedProxies, publicUrl } = config
    const wide = trustedProxies.find(isTooWide)
    if (wide !== undefined) {
      return unsafe(
        config,
        `${wide} is trusted as a proxy, so anybody may be one, and every client address can be forged`,
        'name the proxies alone in trusted-proxies',
      )
    }
    if (publicUrl?.startsWith('http:') && !isLoopback(new URL(publicUrl).hostname)) {
      return unsafe(config, `${publicUrl} is plain text`, 'use https, and set public-url so')
    }
    const place = `${host}:${config.port}`
    if (tls !== null) return pass(`${place} with TLS`)
    if (isLoopback(host)) return pass(`${place}: this machine alone`)
    if (!trustedProxies.every(isOwnMachine)) {
      return pass(`${place} in plain text, behind the proxies ${trustedProxies.join(', ')}`)
    }
    return unsafe(
      config,
      `${place}: other machines reach it in plain text`,
      'set tls-cert and tls-key, or trusted-proxies when a proxy does TLS, or listen on 127.0.0.1',
    )
  },
}

export const metrics: Check = {
  id: 'metrics',
  about: 'Who can read the metrics, for which no credential is asked.',
  warns: 'Other machines can: by your word only operators, or in development.',
  fails: 'Other machines can, and nobody has said that this is meant (production).',
  unknown: null,
  look: ({ config }) => {
    const { metrics: at } = config
    if (at === null) return pass('none are served')
    const place = `${at.host}:${at.port}`
    if (isLoopback(at.host)) return pass(`${place}: this machine alone`)
    if (at.exposed)
      return warn(`${place}: by your word only operators reach it`, 'see that it stays so')
    return unsafe(
      config,
      `${place}: whoever reaches it reads them without a credential`,
      'set metrics-host to 127.0.0.1, or metrics-exposed where only operators reach it',
    )
  },
}

export const cors: Check = {
  id: 'cors',
  about: 'Which web pages may call from a browser.',
  warns: 'There are some.',
  fails: 'One of them comes in plain text from another machine (production).',
  unknown: null,
  look: ({ config }) => {
    const { corsOrigins } = config
    if (corsOrigins.length === 0) return pass('none')
    const plain = corsOrigins.find((origin) => {
      return origin.startsWith('http:') && !isLoopback(new URL(origin).hostname)
    })
    if (plain) return unsafe(config, `${plain}: its pages may be anybody’s`, 'use https')
    return warn(
      `pages of ${corsOrigins.join(', ')}`,
      'take out of cors-origins what does not need to be there',
    )
  },
}

export const docs: Check = {
  id: 'docs',
  about: 'Whether the public listener shows the API’s description.',
  warns: 'It does, in production.',
  fails: null,
  unknown: null,
  look: ({ config }) => {
    if (!config.docs) return pass('/docs and /openapi.json are off')
    if (config.mode === 'development') return pass('/docs and /openapi.json are on: development')
    return warn(
      '/docs and /openapi.json are on in production',
      'set docs to off; the description is in the program that you have',
    )
  },
}

export const embedder: Check = {
  id: 'embedder',
  about: 'Where memories are sent to be made into vectors.',
  warns: 'To another machine in plain text.',
  fails: null,
  unknown: null,
  look: ({ config }) => wayTo(config.embedder, 'nowhere: recall goes by words alone'),
}

export const languageModel: Check = {
  id: 'language-model',
  about: 'Where memories are sent to be summarised.',
  warns: 'To another machine in plain text.',
  fails: null,
  unknown: null,
  look: ({ config }) => wayTo(config.languageModel, 'nowhere: nothing is summarised'),
}

function wayTo(endpoint: { readonly baseUrl: string } | null, nowhere: string): Finding {
  if (endpoint === null) return pass(nowhere)
  const { protocol, host, hostname } = new URL(endpoint.baseUrl)
  if (isLoopback(hostname)) return pass(`to ${host}, on this machine`)
  if (protocol === 'https:') return pass(`to ${host}, by TLS`)
  return warn(
    `to ${host}, in plain text: whoever is on that network reads them`,
    'give the endpoint TLS, or run it on this machine',
  )
}

export const egress: Check = {
  id: 'egress',
  about: 'Where the server itself may call.',
  warns: 'Somewhere, or any host of a domain.',
  fails: null,
  unknown: null,
  look: ({ config }) => {
    const { egressAllow } = config
    if (egressAllow.length === 0) return pass('nowhere')
    return warn(
      egressAllow.join(', '),
      'take out of egress-allow what nothing needs, and name hosts instead of whole domains',
    )
  },
}
