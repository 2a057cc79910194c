/** Whether anybody but its owner and root could change a file, or put another in its place. */
import { accessSync, constants, lstatSync, realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { allows, octal } from './place.ts'

const othersWrite = 0o022
const sticky = 0o1000

/**
 * What lets a stranger in, with what to do about it, for the file, the links on the way to it and
 * all directories above; null when nothing does. Windows has neither such modes nor such owners.
 */
export function strangerAt(path: string): string | null {
  if (process.platform === 'win32') return null
  const link = resolve(path)
  const file = realpathSync(link)
  return inFile(link, lstatSync(link)) ?? inFile(file, statSync(file)) ?? above(link) ?? above(file)
}

function inFile(path: string, stats: Stats): string | null {
  if (isStrange(stats)) return `belongs to another user, who can change it: chown root ${path}`
  // A link has the mode 0777 and can be changed by its owner alone.
  if (stats.isSymbolicLink() || !allows(stats, othersWrite)) return null
  return `others can change it (mode ${octal(stats)}): chmod go-w ${path}`
}

/** Whoever can write to a directory can put another file, or another directory, in the place of one. */
function above(path: string): string | null {
  const directory = dirname(path)
  const stats = statSync(directory)
  if (isStrange(stats)) {
    return `others can put another in its place: ${directory} belongs to another user: chown root ${directory}`
  }
  // In a sticky directory such as /tmp everybody can make files, and touch only his own.
  const isOpen = allows(stats, othersWrite) && (stats.mode & sticky) === 0
  if (isOpen && !isReadOnly(directory)) {
    const mend = `chmod go-w ${directory}`
    return `others can put another in its place (${directory} has mode ${octal(stats)}): ${mend}`
  }
  return directory === path ? null : above(directory)
}

/** Root could change it anyway, and who runs the server is its master. */
function isStrange({ uid }: Stats): boolean {
  return uid !== 0 && uid !== process.geteuid?.()
}

/** What is handed to a container may be mounted so, and then nobody can write, whatever the mode. */
function isReadOnly(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK)
    return false
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EROFS'
  }
}
