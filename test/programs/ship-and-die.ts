/**
 * Opens the Locket in argv with a file as its audit sink, and dies while a batch is shipped to it: before
 * anything is written, with the first half of it, or when all is written and nobody has noted it.
 */
import { appendFileSync } from 'node:fs'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/core/log.ts'
import { openInstance } from '../../src/instance.ts'
import type { Sink } from '../../src/sinks/sink.ts'

const [moment, path = '', ...flags] = process.argv.slice(2)
const named = flags.map((flag) => flag.split('=') as [string, string])
const config = readConfig({ ...Object.fromEntries(named), 'audit-file': path }, {})
const instance = await openInstance(config, { log: createLog('silent'), create: false })
const { pipeline, jobs } = await createApp(instance, {
  version: 'test',
  publicUrl: null,
  indexes_bytes_max: config.indexes_bytes_max,
  auditSinks: config.auditSinks,
})
const file = pipeline.services.auditSinks.find('file')
if (!file) throw new Error('there is a file')
const { sink } = file
const mortal: Sink = {
  ...sink,
  send: async (batch, signal) => {
    if (moment === 'half') {
      const lines = batch.events.map((event) => `${event.json(false)}\n`).join('')
      appendFileSync(path, lines.slice(0, lines.length / 2))
    }
    if (moment === 'all') await sink.send(batch, signal)
    process.kill(process.pid, 'SIGKILL')
  },
}
Object.assign(file, { sink: mortal })
await jobs.runAll()
throw new Error('there was nothing to ship')
