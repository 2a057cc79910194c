/**
 * `health`: asks the server on this machine whether it is ready, with the settings that the server
 * has. For what watches it and has no other program at hand, such as a container without a shell.
 */
import { readFileSync } from 'node:fs'
import { request as requestPlainly } from 'node:http'
import { type RequestOptions, request as requestSecurely } from 'node:https'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Config, TlsConfig } from '../config/config.ts'
import { second_ms } from '../core/clock.ts'
import { readCertificates } from '../crypto/certificate.ts'
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
  request.once('error', (error) => reject(strangerAt(request.socket) ?? error))
  request.once('response', (response) => {
    response.resume()
    response.once('error', reject)
    response.once('end', () => resolve(response.statusCode))
  })
  request.end()
  return promise
}

/**
 * Nobody but who serves the certificate of the settings: not what the rest of its chain has issued,
 * which anybody may have bought. Its name is not looked at: it is that of the outside address, and
 * what is asked here is this machine.
 */
function trustOnly({ certFile }: TlsConfig): RequestOptions {
  return {
    ca: firstCertificate(certFile),
    allowPartialTrustChain: true,
    checkServerIdentity: () => undefined,
  }
}

function firstCertificate(file: string): string {
  let pem = ''
  try {
    pem = readFileSync(file, 'latin1')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new Error(`the certificate file cannot be read (${code}): ${file}`, { cause })
  }
  try {
    const [first] = readCertificates(pem)
    if (first) return first.toString()
  } catch {
    // Told below: the error knows the place in the file and not its name.
  }
  throw new Error(`the certificate file has no certificate (PEM): ${file}`)
}

/** Faults that the right certificate may have as well. */
const ofTime = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']

/** Why a connection was ended whose certificate is another; null when it was ended for something else. */
function strangerAt(socket: Socket | null): Error | null {
  // Null as long as nothing is wrong, and the code of what is, contrary to its type.
  const fault: unknown = socket instanceof TLSSocket ? socket.authorizationError : null
  if (typeof fault !== 'string' || ofTime.includes(fault)) return null
  return new Error(`the certificate of the file is not the one that is served (${fault})`)
}

/** All addresses are no address to ask, except on some systems: the loopback is one of them. */
function reachable(host: string): string {
  const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  return everywhere[host] ?? host
}
