/** What a figure was measured on, and how a process is kept on one processor. */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Quantiles, quantiles } from './table.ts'

export interface Machine {
  readonly node: string
  readonly processors: number
  readonly processor: string
  readonly fdatasync_ms: number
}

export function describeMachine(): Machine {
  const all = cpus()
  return {
    node: process.version,
    processors: all.length,
    processor: all[0]?.model.trim() ?? 'unknown',
    fdatasync_ms: fdatasync_ms(tmpdir()).p50,
  }
}

export function machineLine({ node, processors, processor, fdatasync_ms }: Machine): string {
  const disk = `fdatasync p50 ${fdatasync_ms.toFixed(2)} ms`
  return `node ${node}, ${processors} processors (${processor}), ${disk}`
}

/** What one durable write costs on this disk: the floor under a store. */
export function fdatasync_ms(parent: string): Quantiles {
  const directory = mkdtempSync(join(parent, 'locket-fdatasync-'))
  const file = openSync(join(directory, 'probe'), 'w')
  try {
    const times_ms: number[] = []
    for (let turn = 0; turn < 200; turn++) {
      const before = performance.now()
      writeSync(file, Buffer.alloc(4096, turn))
      fdatasyncSync(file)
      times_ms.push(performance.now() - before)
    }
    return quantiles(times_ms)
  } finally {
    closeSync(file)
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The last processor that this process may use, for a server that gets one; null without `taskset`. */
export function processorToPin(): number | null {
  if (spawnSync('taskset', ['--version']).status !== 0) return null
  const allowed = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))
  const last = allowed?.[1]?.split(/[,-]/).at(-1)
  return last === undefined ? null : Number(last)
}

/** Leaves a process one processor from now on, all its threads included; any when it is null. */
export function pin(pid: number, processor: number | null): void {
  if (processor === null) return
  const args = ['--all-tasks', '--cpu-list', '--pid', String(processor), String(pid)]
  const { status } = spawnSync('taskset', args, { stdio: 'ignore' })
  if (status !== 0) throw new Error('the server could not be left one processor')
}

const tick_ms = 10

/** Processor time that a process of this machine has used, in ms; null where there is no `/proc`. */
export function processor_ms(pid: number): number | null {
  try {
    const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return (Number(afterName[11]) + Number(afterName[12])) * tick_ms
  } catch {
    return null
  }
}

/** Resident memory of a process of this machine, in bytes; null where there is no `/proc`. */
export function resident_bytes(pid: number): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const kibibytes = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]
    return kibibytes === undefined ? null : Number(kibibytes) * 1024
  } catch {
    return null
  }
}
