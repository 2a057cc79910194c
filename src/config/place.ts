/** Files and directories that settings name: where they lie, and who else can get at them. */
import { realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { isCredential } from '../secrets/secret-file.ts'

/** Whether the file lies in the directory, links followed as far as there are any. */
export function isInside(file: string, directory: string): boolean {
  const way = relative(real(resolve(directory)), real(resolve(file)))
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/** Null when it is not there or cannot be asked for. */
export function statsOf(path: string): Stats | null {
  try {
    return statSync(path)
  } catch {
    return null
  }
}

/** Whether one of the bits is set. Windows has no such bits, and systemd's credentials mean another. */
export function allows(stats: Stats, bits: number): boolean {
  return process.platform !== 'win32' && (stats.mode & bits) !== 0 && !isCredential(stats)
}

/** `0640`. */
export function octal({ mode }: Stats): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

/** What is not there yet lies where the directory above it does. */
function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const above = dirname(path)
    return above === path ? path : join(real(above), path.slice(above.length))
  }
}
