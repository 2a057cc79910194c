/** Locks the directory in argv, says so, and holds it until it is killed. */
import { writeSync } from 'node:fs'
import { lockDirectory } from '../../src/storage/directory-lock.ts'

// A lock that nothing refers to is collected, and its file closed.
const lock = lockDirectory(process.argv[2] ?? '')
writeSync(1, 'locked\n')
process.stdin.resume().on('close', () => lock.release())
