/**
 * `health`: asks the server on this machine whether it is ready, with the settings that the server
 * has. For what watches it and has no other program at hand, such as a container without a shell.
 */
import { readFileSync } from 'node:fs'
import { request as requestPlainly } from 'node:http'
import { type RequestOptions, request as requestSecurely } from 'node:https'
import type { Config, TlsConfig } from '../config/config.ts'
import { second_ms } from '../core/clock.ts'
import { type ExitCode, exitCodes, type LocalCall, UsageError } from './command.ts'
import { print, printError, printJson } from './output.ts'

/** Shorter than those who watch a health check commonly wait. */
const timeout_ms = 5 * second_ms

export async function healthCommand({ config, json }: LocalCall): Promise<ExitCode> {
  if (config.port === 0) throw new UsageError(['--port: expected the port that the server has'])
  const fault = await faultOf(config)
  const ready = fault === null
  if (json) printJson({ ready, reason: fault })
  else if (ready) print('ready')
  else printError(`not ready: ${fault}`)
  return ready ? exitCodes.done : exitCodes.failed
}

/** Null when the server says that it is ready, else what it says or why it cannot be asked. */
async function faultOf(config: Config): Promise<string | null> {
  try {
    const status = await ask(config)
    return status === 200 ? null : `the server answered ${status}`
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException
    return code === 'ABORT_ERR' ? `no answer in ${timeout_ms / second_ms} s` : (code ?? message)
  }
}

function ask({ host, port, tls }: Config): Promise<number | undefined> {
  const options: RequestOptions = {
    host: reachable(host),
    port,
    path: '/readyz',
    // A connection of its own, which ends with the answer.
    agent: false,
    signal: AbortSignal.timeout(timeout_ms),
    ...(tls && trustOnly(tls)),
  }
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  const request = tls ? requestSecurely(options) : requestPlainly(options)
  request.once('error', reject)
  request.once('response', (response) => {
    response.resume()
    response.once('error', reject)
    response.once('end', () => resolve(response.statusCode))
  })
  request.end()
  return promise
}

/**
 * Nobody but who serves the certificate of the settings. Its name is not looked at: it is that of
 * the outside address, and what is asked here is this machine.
 */
function trustOnly({ certFile }: TlsConfig): RequestOptions {
  return {
    ca: readFileSync(certFile),
    allowPartialTrustChain: true,
    checkServerIdentity: () => undefined,
  }
}

/** All addresses are no address to ask, except on some systems: the loopback is one of them. */
function reachable(host: string): string {
  const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  return everywhere[host] ?? host
}
