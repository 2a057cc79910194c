/** Every check there is, in the order of the report. */
import { auditSinks } from './audit-sinks.ts'
import { authorities, certificate } from './certificates.ts'
import type { Check } from './check.ts'
import { database, databaseDisk, databaseLogin, databaseTls, rowSecurity } from './database.ts'
import { cors, docs, egress, embedder, languageModel, listener, metrics, mode } from './exposure.ts'
import { dataFiles, secretReferences, settingsFile, tlsKeyFile } from './files.ts'
import { records, rowMacs, tombstones } from './integrity.ts'
import {
  apiKeyAge,
  apiKeysUnused,
  bootstrapKey,
  encryptionKeyAge,
  rootKeyAge,
  signingKeyAge,
} from './keys.ts'
import { blockedAddresses, lockouts, rateLimits, sharedLimits } from './limits.ts'
import { dependencies, disk, node, vulnerabilities } from './machine.ts'
import { mail } from './mail.ts'
import { passwords, secondFactors, signIns } from './people.ts'
import { identityProviders } from './providers.ts'
import { auditRetention } from './retention.ts'
import { rootKeyFile, rootKeyMatch, rootKeyPlace } from './root-key.ts'
import { auditWritable, backup, clock } from './running.ts'
import { witnesses } from './witnesses.ts'

export const checks: readonly Check[] = [
  mode,
  rootKeyPlace,
  rootKeyFile,
  rootKeyMatch,
  rootKeyAge,
  dataFiles,
  settingsFile,
  tlsKeyFile,
  secretReferences,
  listener,
  metrics,
  certificate,
  authorities,
  cors,
  docs,
  egress,
  embedder,
  languageModel,
  mail,
  database,
  databaseLogin,
  rowSecurity,
  databaseTls,
  rateLimits,
  sharedLimits,
  lockouts,
  blockedAddresses,
  bootstrapKey,
  encryptionKeyAge,
  signingKeyAge,
  apiKeyAge,
  apiKeysUnused,
  passwords,
  secondFactors,
  signIns,
  identityProviders,
  tombstones,
  rowMacs,
  records,
  auditWritable,
  auditRetention,
  auditSinks,
  witnesses,
  clock,
  disk,
  databaseDisk,
  backup,
  node,
  dependencies,
  vulnerabilities,
]
