import { auditLimits } from './audit-limits.ts'
import { traceLimits } from './trace-limits.ts'

/** Every bound of the server, in one table. docs/reference/limits.md is made from it. */
export const limits = {
  ...auditLimits,
  ...traceLimits,
  body_bytes_max: 64 * 1024,
  /** A larger body is read only after its credential was looked at. */
  unknownBody_bytes_max: 16 * 1024,
  /** What anybody may send without a credential. */
  publicBody_bytes_max: 4 * 1024,
  bodyLarge_bytes_max: 4 * 1024 * 1024,
  json_depth_max: 32,
  json_keys_max: 20_000,
  header_bytes_max: 16 * 1024,
  header_timeout_ms: 10_000,
  request_timeout_ms: 30_000,
  /** Longer than what load balancers keep idle, so that it is never we who close under a request. */
  keepAlive_timeout_ms: 65_000,
  connections_max: 10_000,
  /** A connection of TLS that is not made by then ends. */
  handshake_timeout_ms: 10_000,
  /** How often the files of a certificate are looked at, so that a new one is served. */
  certificateCheck_interval_ms: 10_000,
  certificateFile_bytes_max: 1024 * 1024,
  /** The listener that only redirects to https. */
  redirectConnections_max: 1_000,
  /** Addresses in X-Forwarded-For that are looked at, from the right. */
  forwarded_hops_max: 32,
  /** How long a browser may remember what CORS allows. */
  corsPreflight_life_ms: 10 * 60_000,
  drain_timeout_ms: 10_000,

  text_codePoints_max: 10_000,
  key_characters_max: 200,
  tags_max: 32,
  tag_characters_max: 64,
  metadata_bytes_max: 8 * 1024,
  sessionId_characters_max: 128,
  query_codePoints_max: 2_000,
  batch_items_max: 100,
  batch_spaces_max: 8,
  recall_spaces_max: 8,
  recall_results_max: 100,
  page_items_max: 100,
  exportPage_items_max: 500,
  /** A page ends with the step of 50 memories that reaches it. */
  exportPage_bytes_max: 1024 * 1024,
  versions_max: 100,
  delete_matching_max: 1_000,
  sessions_max: 1_000,
  /** What the index finds for a text that is stored, and how many of them are told as similar. */
  similarCandidates_max: 20,
  similar_max: 5,
  /** What is compared of them before others are served. */
  similarStep_characters: 5_000,
  /** Memories that compaction replaced, as one list looks through them. */
  supersededScan_rows: 1_000,
  /** How long what compaction replaced can be restored: by default, and at most. */
  superseded_life_ms: 30 * 24 * 3_600_000,
  supersededLife_days_max: 365,
  derivedFrom_max: 200,
  /** How many are planned at once: more than wait for a language model. */
  compactions_max: 8,
  /** What one compaction looks through, page by page, and replaces; how many of one text it merges. */
  compactScan_rows_max: 20_000,
  compactScan_page_rows: 200,
  /** What is looked at of them before others are served. */
  compactStep_bytes: 64 * 1024,
  /** In one transaction, and others wait for it: 250 merges take 100 ms, measured. */
  compactReplaced_max: 250,
  compactGroup_max: 100,
  /** How near-duplicates are found: see docs/adr/0020. */
  compactSketch_hashes: 64,
  compactShingle_memories_max: 32,
  compactPairs_max: 1_000_000,
  compactSimilar_groups_max: 100,
  compactSimilar_memories_max: 20,
  memories_perSpace_max: 1_000_000,
  filter_depth_max: 8,
  filter_nodes_max: 64,
  filter_values_max: 100,
  /** What `contains` looks for; other texts that a filter compares with. */
  filter_text_characters_max: 256,
  filter_value_characters_max: 1_000,
  /** What `contains` looks through in one request, all told: 70 ms at the worst, measured. */
  filter_examined_characters_max: 10_000_000,
  /** What `locket import` and `locket export` hold themselves to. */
  importLine_bytes_max: 1024 * 1024,
  importRequest_bytes_max: 1024 * 1024,
  importNesting_max: 30,
  /** Refused lines that are told one by one. */
  importRefusals_shown_max: 20,
  /** How far the shape of a file is looked for. */
  importDetection_records_max: 100,
  importHead_bytes_max: 64 * 1024,
  /** How often a request is sent that the server has no time for, and how long at most it waits. */
  clientTries_max: 8,
  clientWait_ms_max: 60_000,
  handle_characters_max: 100,
  name_characters_max: 100,
  scopes_max: 32,
  addresses_max: 32,
  roles_perTenant_max: 200,
  grants_perPrincipal_max: 100,
  apiKeys_perPrincipal_max: 50,
  spaces_perTenant_max: 100_000,
  principals_perTenant_max: 100_000,
  /** What an agent is for, and the largest quota that says anything. */
  agentDescription_characters_max: 500,
  agentMemories_max: 1_000_000_000,
  allowedUsers_max: 200,
  tenants_max: 10_000,
  /** OWASP ASVS 5.0, V6.2.1 and V6.2.9; for administrators NIST SP 800-63B-4, section 3.1.1.2. */
  password_codePoints_min: 8,
  passwordOfAdministrator_codePoints_min: 15,
  password_codePoints_max: 128,
  /** Hashes of passwords that are made at once, 64 MiB each, and how many may wait for that. */
  passwordWork_max: 2,
  passwordWork_waiting_max: 32,
  /** Sign-ins of people: OWASP ASVS 5.0, V7.3.1 and V7.3.2. */
  signIn_idle_ms: 15 * 60_000,
  signIn_life_ms: 12 * 3_600_000,
  /** What a tenant's policy may make of these two. */
  signIn_idle_ms_min: 60_000,
  signIn_idle_ms_max: 12 * 3_600_000,
  signIn_life_ms_min: 5 * 60_000,
  signIn_life_ms_max: 7 * 24 * 3_600_000,
  policyRoles_max: 50,
  /** How fresh one must be for what needs a step up. */
  stepUp_life_ms: 5 * 60_000,
  /** The oldest ends when there is one more. */
  signIns_perPrincipal_max: 20,
  /** Sign-ins that wait for a factor: OWASP ASVS 5.0, V6.5.5. */
  challenge_life_ms: 10 * 60_000,
  challenge_tries_max: 5,
  challenges_perPrincipal_max: 5,
  factors_perPrincipal_max: 10,
  factorName_characters_max: 100,
  /** How long a factor that was begun waits for its first code. */
  factorEnrolment_life_ms: 10 * 60_000,
  recoveryCodes: 10,
  /** Web Authentication: section 6.4.1 bounds the id of a credential, 5.4.3 the handle of a user. */
  passkeyId_characters_max: 1_364,
  passkeyUser_characters_max: 86,
  passkeyTransports_max: 16,
  passkeyClientData_characters_max: 2_048,
  passkeyAttestation_characters_max: 4_096,
  passkeyData_characters_max: 1_024,
  passkeySignature_characters_max: 1_024,
  passkeyBody_bytes_max: 12 * 1024,
  passkeyChallenge_life_ms: 5 * 60_000,
  invitation_life_ms: 60 * 60_000,
  passwordReset_life_ms: 60 * 60_000,

  /** RFC 5321, section 4.5.3.1: what a path can hold. */
  mailAddress_characters_max: 254,
  emailProof_life_ms: 60 * 60_000,
  /** Mails that wait to be sent to a person, and resets that were asked for and wait to be looked at. */
  mails_perPrincipal_max: 20,
  resetRequests_perTenant_max: 1_000,
  /** A mail that could not be sent is tried again after this, after twice as long each time up to the bound. */
  mailRetry_ms: 15_000,
  mailRetry_ms_max: 30 * 60_000,
  /** When it is given up. */
  mail_life_ms: 24 * 3_600_000,
  /** How long a node has a mail to itself: longer than sending may take. */
  mailClaim_ms: 3 * 60_000,
  /** In one go. */
  mailsSent_max: 20,

  apiKey_overlap_ms_max: 24 * 3_600_000,
  bootstrapKey_life_ms: 7 * 24 * 3_600_000,
  identityProviders_perTenant_max: 20,
  /** Of the instance; each is looked at when a request comes. */
  blockedAddresses_max: 1_000,
  blockReason_characters_max: 200,
  claimRules_max: 32,
  claimPath_max: 4,
  claim_characters_max: 200,
  issuer_characters_max: 500,
  /** OpenID Connect Core 1.0, section 2: at most 255 of ASCII. */
  subject_characters_max: 255,
  externalIdentities_perPrincipal_max: 10,
  /** Of all whom one provider knows: more are not looked at when it is changed. */
  grantsOfTied_max: 10_000,
  /** Locket as a client of a provider, for signing in by it. */
  clientId_characters_max: 255,
  clientSecret_characters_max: 512,
  factorWords_max: 16,
  /** What a provider sends a browser back with. */
  authorizationCode_characters_max: 4_096,
  /** How long somebody may take at the provider. */
  providerSignIn_life_ms: 10 * 60_000,
  returnPath_characters_max: 512,
  /** Tokens of other issuers: how long one is, for whom it is, and how long after its making it counts. */
  externalToken_characters_max: 8_192,
  externalToken_audiences_max: 16,
  externalToken_life_ms_max: 24 * 3_600_000,
  /** How far the clock of another issuer may be from ours. */
  externalToken_skew_ms_max: 60_000,
  /** The keys of a provider: asked for again after this; used at most for so long when it does not answer. */
  providerKeys_refresh_ms: 5 * 60_000,
  providerKeys_life_ms: 3_600_000,
  /** How long it is left alone after it was asked, whatever it answered, and may take to answer. */
  providerKeys_retry_ms: 10_000,
  providerKeys_timeout_ms: 5_000,
  providerDocument_bytes_max: 256 * 1024,
  providerKeys_max: 64,
  providersCached_max: 1_000,
  accessToken_life_ms: 10 * 60_000,
  accessToken_characters_max: 2_048,
  refreshToken_characters_max: 100,
  /** A refresh token that is not used for so long is over; the family is, so long after it began. */
  refreshToken_idle_ms: 7 * 24 * 3_600_000,
  refreshToken_life_ms: 30 * 24 * 3_600_000,
  /** Got by one key or sign-in: when there are so many, the oldest of these end to make room. */
  tokenFamilies_perCredential_max: 1_000,
  tokenFamilies_ended: 50,
  tokenFamilies_perPrincipal_max: 5_000,
  /** How long one key signs tokens, and how long before that it is published. */
  signingKey_period_ms: 90 * 24 * 3_600_000,
  signingKey_publishedBefore_ms: 3_600_000,
  signingKeys_max: 10,
  /** When `locket doctor` says that the job which replaces it must have failed. */
  signingKey_age_ms_max: 100 * 24 * 3_600_000,
  /** A signing key that was revoked on another node is refused here after this, at the latest. */
  signingKeysCached_life_ms: 10_000,
  /** How long others may keep the public keys. */
  jwks_life_ms: 5 * 60_000,
  settingsFile_bytes_max: 64 * 1024,
  settingList_items_max: 100,
  idempotency_life_ms: 24 * 3_600_000,
  idempotencyKey_characters_max: 255,
  userAgent_characters_max: 256,
  idempotencyAnswer_bytes_max: 1024 * 1024,

  /** No refusal of a sign-in or the like is quicker, nor its beginning, so that its time does not tell what was written down. */
  refusal_ms_min: 50,
  /** What strangers begin, counted by tenant and action; past it all tenants are one. */
  openings_max: 10_000,

  /** Callers that one budget tells apart, and how many are looked at to make room for another. */
  throttled_max: 100_000,
  throttledSweep_max: 32,
  /** Calls to what nodes share their limits in: Valkey or Redis. */
  sharedConnect_timeout_ms: 2_000,
  sharedCall_timeout_ms: 250,
  sharedCalls_max: 64,
  /** After a failure it is left alone for so long. */
  sharedRest_ms: 1_000,
  sharedPing_interval_ms: 1_000,
  sharedSilence_ms_max: 5_000,
  /** What is shared counts as nonsense when more nodes than this would have had to use up a budget each. */
  sharedNodes_max: 100,
  /** How often a node tells of its calls, of how many callers at once, and how many may wait for it. */
  sharedTell_interval_ms: 250,
  sharedTell_max: 1_000,
  sharedWaiting_max: 10_000,
  /** How long an address counts as one that an account was signed in to from. */
  knownAddress_life_ms: 30 * 24 * 3_600_000,

  writeQueue_max: 10_000,
  writeGroup_max: 64,
  readQueue_max: 10_000,
  /** Reads that share a snapshot: the log of the database cannot be emptied while one is open. */
  readGroup_max: 64,
  /** After so long the rest of a group waits for the next, so that all else of the process has its turn. */
  readGroup_ms: 10,
  /** How long a connection to the database may take to be had. */
  databaseConnect_ms_max: 5_000,
  keysCached_max: 10_000,
  keysCached_life_ms: 5 * 60_000,
  principalsCached_max: 10_000,
  /** Keys with a budget that a node knows the use of; of others it is read. */
  keyBudgets_max: 10_000,
  indexes_bytes_max: 512 * 1024 * 1024,
  indexCatchUp_rows: 500,
  /** What is smaller is built from its rows as soon as it is read from a file. */
  snapshot_rows_min: 250,
  /** All snapshots of indexes together; the least recently used go first. */
  snapshots_bytes_max: 4 * 1024 * 1024 * 1024,
  snapshotPiece_bytes: 1024 * 1024,
  snapshotHead_bytes_max: 1024 * 1024,
  /** What of an index is copied at once, while nothing else runs: 8 ms, measured. */
  snapshotCopy_bytes_max: 8 * 1024 * 1024,
  snapshotCalls_max: 64,
  /** Snapshots that wait to be written, each of an index that stays in memory until then. */
  snapshotWrites_max: 4,
  /** How many of them are looked at in a minute. */
  snapshotSweep_files: 1_000,
  snapshotCall_timeout_ms: 5_000,
  /** For all that are still to be written when the server stops. */
  snapshotClose_timeout_ms: 5_000,
  /** Events without a leaf, and mails, that the metrics count. */
  auditWaitingCounted_max: 100_000,
  mailsCounted_max: 10_000,
  metricsConnections_max: 16,
  sweep_rows: 500,
  /** How many rows of a table a move has in memory. */
  copyPage_rows: 50,
  tombstones_perSpace_max: 2_000,
  /** Sealed values name their key version; a key keeps so many versions to open old ones. */
  keyVersions_max: 100,
  seals_perKey_max: 2 ** 31,
  /** Counts of seals that one transaction writes down. */
  sealCounts_rows: 100,
  /** When `locket doctor` says that a key should be replaced: NIST SP 800-57 part 1 rev. 5, table 1. */
  rootKey_period_ms: 365 * 24 * 3_600_000,
  encryptionKey_period_ms: 2 * 365 * 24 * 3_600_000,
  apiKey_period_ms: 2 * 365 * 24 * 3_600_000,
  /** When it says that nobody seems to need an API key. */
  apiKey_unused_ms: 90 * 24 * 3_600_000,
  accessReview_days_max: 3_650,
  /** On a page; each with all of its grants and keys. */
  accessReview_principals_max: 50,
  doctorCheck_timeout_ms: 10_000,
  /** How many identity providers it asks. */
  doctorProviders_max: 20,
  /** Counters of tries that it looks at, for those that are locked. */
  locksCounted_max: 100_000,
  /** What it looks at as a sample, chosen by chance each time. */
  doctorTenants_max: 20,
  doctorRows_perTable_max: 50,
  doctorSpaces_perTenant_max: 10,
  doctorRecords_perSpace_max: 20,
  /** How far the clocks of a node, its database and its own past may be apart. */
  clockSkew_ms_max: 60_000,
  diskFree_bytes_low: 1024 * 1024 * 1024,
  diskFree_bytes_min: 128 * 1024 * 1024,
  /** A new look-up key rewrites them in one transaction, while no other write goes on. */
  reindex_rows_max: 20_000,

  /** A secret, and the answer of a server that has it in it. */
  secret_bytes_max: 64 * 1024,
  secretAnswer_bytes_max: 1024 * 1024,
  /** Credentials that AWS has lent are asked for anew so long before they end. */
  awsCredentials_ahead_ms: 5 * 60_000,
  secretCall_timeout_ms: 5_000,
  /** For all secrets, when a server starts. */
  secretsStart_timeout_ms: 20_000,
  /** A secret that does not do is read anew at most this often. */
  secretRenew_interval_ms: 5_000,
  mountTable_bytes_max: 1024 * 1024,

  egressUrl_characters_max: 4_096,
  /** For resolving the name and connecting, over all addresses that are tried. */
  egressConnect_timeout_ms: 5_000,
  egressAddresses_max: 4,
  egressHeaders_timeout_ms: 30_000,
  /** Between two pieces of an answer. */
  egressIdle_timeout_ms: 10_000,
  egressCall_timeout_ms: 60_000,
  egressRequest_bytes_max: 8 * 1024 * 1024,
  /** After decompression. */
  egressResponse_bytes_max: 16 * 1024 * 1024,
  egressCalls_max: 64,
  egressCalls_perOrigin_max: 16,
  egressOrigins_max: 256,
  egressLookups_max: 2,
  egressKeepAlive_timeout_ms: 10_000,
  /** A name is looked up again after this, at the latest. */
  egressConnection_life_ms: 5 * 60_000,

  /** Calls to models (embedders), each try after the first. */
  modelRetries_max: 2,
  modelBackoff_ms: 250,
  /** A model that wants to be left alone for longer is not waited for. */
  modelRetryAfter_ms_max: 10_000,
  /** After so many failures in a row a model is left alone, for longer each time. */
  modelFailures_max: 3,
  modelRest_ms: 5_000,
  modelRest_ms_max: 5 * 60_000,
  embedDimensions_max: 4_096,
  /** What a language model is sent for one summary, what it may answer, and calls at once. */
  summaryMemories_max: 100,
  summaryCharacters_max: 60_000,
  languageModelTokens_max: 2_000,
  languageModelCalls_max: 4,
  embedTexts_perCall_max: 64,
  embedCharacters_perCall_max: 100_000,
  /** How long a store and a recall wait for an embedder; the one goes on without a vector, the other by words. */
  embedStore_wait_ms: 2_000,
  embedQuery_wait_ms: 1_000,
  embedJob_wait_ms: 10_000,
  /** Memories without a vector that a process remembers; it finds more by looking at all rows. */
  embedPending_max: 10_000,
  embedJob_rows: 64,
  embedWalk_rows: 1_000,
  /** Texts that wait for their vectors. */
  embedWaiting_max: 2_000,
} as const
