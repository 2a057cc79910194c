/** Samples of what is done to audit logs. */
import type { Sample } from './sample.ts'

export const auditSamples: Readonly<Record<string, Sample>> = {
  'audit-retention.get': {
    names: 'nothing',
    make: async (maker) => {
      await maker.admin('POST', '/v1/legal-hold', { reason: maker.word() })
      return {}
    },
  },
  'audit-retention.update': {
    names: 'nothing',
    make: async () => ({ days: { read: 100 }, prunes: true }),
  },
  'legal-hold.place': { names: 'nothing', make: async (maker) => ({ reason: maker.word() }) },
  'legal-hold.lift': { names: 'nothing', make: async (maker) => ({ reason: maker.word() }) },
}
