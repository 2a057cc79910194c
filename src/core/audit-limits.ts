/** Bounds of audit logs: a part of `limits`, by which name they are used. */
export const auditLimits = {
  /** How many events one question to the audit log looks through. */
  auditScan_rows: 10_000,
  /** And in how many stretches of the log it looks for those of one person, or of one space: a seek each. */
  auditScan_stretches: 4_096,
  /** Of them in one statement. */
  auditScan_stretches_perStatement: 512,
  /** And of those that have any: a statement each. */
  auditScan_populated: 512,
  /** How many of them it opens, to see what is sealed of them. */
  auditOpen_rows: 500,
  /** Actions of one prefix that are looked up each; of more the log itself is looked through. */
  auditActions_max: 64,
  /** Events that become leaves in one transaction, beside which nothing else is written. */
  auditBatch_rows: 256,
  /** Such transactions for one tenant, before the others have their turn. */
  auditBatches_max: 64,
  /** Logs of which the right edge is remembered, each a hundred kilobytes at most. */
  auditEdges_max: 100,
  /** Receipts: how long, and by how many on a node, one is waited for; a tenant has a quarter of them. */
  receipt_timeout_ms: 2_000,
  receipts_max: 256,
  receipt_characters_max: 6 * 1024,
  /** Logs whose checkpoints are cosigned here, those that were ended among them. */
  witnessedLogs_max: 1_000,
  /** `<name>+<id>+<key>`: a name of 255 characters, 8 and 44. */
  verifierKey_characters_max: 400,
  /** C2SP tlog-witness: 63 hashes, and a checkpoint with signatures of others. */
  addCheckpoint_bytes_max: 16 * 1024,
  /** Events that one transaction removes because their time is over, and leaves that it looks through for them. */
  auditPurge_rows: 256,
  auditPurge_leaves: 2_048,
  /** Such transactions for one tenant, before the others have their turn. */
  auditPurges_max: 32,
  /** After which no other tenant is begun with. */
  auditPurgeRun_ms: 2_000,
  /** Leaves whose tiles one transaction removes: four tiles and as many bundles, 200 KB. */
  auditPrune_leaves: 4 * 256,
  auditRetention_days_max: 3_653,
  holdReason_characters_max: 500,
  /** Of a setting in the event of a start; of a longer one there is only a digest. */
  auditSetting_bytes_max: 200,

  /** Events that go to a sink at once, and about how much of them; one alone may be larger. */
  auditSinkBatch_events: 256,
  auditSinkBatch_bytes_max: 512 * 1024,
  /** Such batches of one log, before the others have their turn. */
  auditSinkBatches_max: 64,
  /** So long no other node ships to a sink, unless it is told; half of it is more than sending takes. */
  auditSinkHold_ms: 90_000,
  /** A sink that does not take a batch is left alone, for longer each time. */
  auditSinkRest_ms: 1_000,
  auditSinkRest_ms_max: 60_000,
  /** From then on a sink is behind: so long has an event waited for it. */
  auditSinkBehind_ms: 60_000,
  auditSinkQueue_events: 100_000,
  /** Where operations are refused since a sink is full: when to ask again. */
  auditSinkRetry_s: 10,
  /** For all of a batch: half of `auditSinkHold_ms` is longer. */
  auditWebhook_timeout_ms: 30_000,
  auditWebhookAnswer_bytes_max: 64 * 1024,
  auditSyslog_timeout_ms: 30_000,
  /** RFC 5425 has receivers take 8,192 bytes where they can. */
  auditSyslogMessage_bytes_max: 8_192,
  /** What is looked at of the end of a file of events, to find the last that is in it. */
  auditFileTail_bytes_max: 1024 * 1024,
  /** Witnesses that cosign the logs here, and what is asked of each: logs in one run, and how many at once. */
  witnesses_max: 8,
  cosignLogs_max: 64,
  cosignCalls_max: 8,
  /** How often a checkpoint is sent that the witness would have begin elsewhere. */
  cosignTries_max: 3,
  /** A log that a witness does not take is shown to it again after this. */
  cosignRetry_ms: 5 * 60_000,
  /** When `locket doctor` says that a witness is behind. */
  cosignLag_ms_max: 15 * 60_000,
  witnessCall_timeout_ms: 10_000,
  witnessAnswer_bytes_max: 16 * 1024,
  /** A witness that does not answer is left alone, for longer each time. */
  witnessRest_ms: 5_000,
  witnessRest_ms_max: 5 * 60_000,
} as const
