/**
 * Builds a Dockerfile without Docker: each stage is a directory, and COPY does to owners and modes
 * what Docker's does. What a base image holds is the caller's to lay down.
 */
import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Instruction } from './deployment-dockerfile.ts'

export interface Build {
  readonly instructions: readonly Instruction[]
  /** The directory that is sent to the builder, without what `.dockerignore` names. */
  readonly context: string
  /** Where the stages are made. */
  readonly directory: string
  /** Lays down what an image has that a stage is built on. */
  readonly base: (image: string, stage: string) => void
  /** Does what a RUN would; false: it is left to a shell, which must ask for no network. */
  readonly run: (command: string, stage: string) => boolean
}

interface Places {
  /** The directory of the stage. */
  readonly stage: string
  /** What a relative path is relative to. */
  readonly place: string
}

const folder = { mode: 0o755, recursive: true } as const

/** The directory of the last stage. */
export function build({ instructions, context, directory, base, run }: Build): string {
  const stages = new Map<string, string>()
  let at: Places = { stage: '', place: '/' }
  for (const { name, value } of instructions) {
    if (name === 'FROM') {
      const [image = '', , alias = 'last'] = value.split(' ')
      at = { stage: join(directory, alias), place: '/' }
      stages.set(alias, at.stage)
      mkdirSync(at.stage)
      base(image, at.stage)
    } else if (name === 'WORKDIR') {
      at = { ...at, place: value }
      mkdirSync(join(at.stage, value), folder)
    } else if (name === 'COPY') {
      const [, from] = /--from=(\S+)/.exec(value) ?? []
      copy(value, from === undefined ? context : (stages.get(from) ?? ''), at)
    } else if (name === 'RUN' && !run(value, at.stage)) inShell(value, at)
  }
  return at.stage
}

function inShell(command: string, { stage, place }: Places): void {
  const inside = command.replaceAll(/ (\/[\w/]+)/g, (_, path: string) => ` ${join(stage, path)}`)
  execFileSync('sh', ['-c', `umask 022 && ${inside}`], { cwd: join(stage, place) })
}

function copy(value: string, root: string, { stage, place }: Places): void {
  const [, owner] = /--chown=(\S+)/.exec(value) ?? []
  const words = value.split(/\s+/).filter((word) => !word.startsWith('--'))
  const to = words.at(-1) ?? ''
  const target = join(stage, to.startsWith('/') ? to : join(place, to))
  for (const word of words.slice(0, -1)) copyOne(join(root, word), { target, owner })
}

interface Target {
  readonly target: string
  readonly owner: string | undefined
}

/** A folder is copied as its contents: it has no part in what the target, once made, looks like. */
function copyOne(source: string, { target, owner }: Target): void {
  const isInto = isFolder(source) || target.endsWith('/') || isFolder(target)
  makeFolder(isInto ? target : dirname(target), owner)
  const entries = isFolder(source) ? readdirSync(source).map((one) => join(source, one)) : [source]
  for (const entry of entries) {
    const copied = isInto ? join(target, basename(entry)) : target
    execFileSync('cp', ['-a', '-T', entry, copied])
    if (owner !== undefined) give(owner, copied)
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** As COPY makes folders that are missing: open to all, and the owner's that it names. */
function makeFolder(path: string, owner: string | undefined): void {
  if (existsSync(path)) return
  makeFolder(dirname(path), owner)
  mkdirSync(path, folder)
  if (owner !== undefined) give(owner, path)
}

/** Only root can: for anybody else all that is built stays his own. */
function give(owner: string, path: string): void {
  if (process.getuid?.() !== 0) return
  const [uid = 0, gid = 0] = owner.split(':').map(Number)
  chownSync(path, uid, gid)
  if (!isFolder(path)) return
  for (const name of readdirSync(path)) give(owner, join(path, name))
}
