/** Wires the parts of a server once. Nothing else knows all of them. */
import { assert } from './core/assert.ts'
import type { Clock } from './core/clock.ts'
import { instanceTenant, isId } from './core/ids.ts'
import type { Log } from './core/log.ts'
import { type RelyingParty, relyingPartyOf } from './crypto/relying-party.ts'
import { createEgress } from './egress/egress.ts'
import { appointAdministrator } from './features/api-keys/appoint.ts'
import { createAuthenticator } from './features/api-keys/authenticate.ts'
import { createKeyBudgets } from './features/api-keys/budget.ts'
import { createKeyUses } from './features/api-keys/uses.ts'
import { appendEvent } from './features/audit/append.ts'
import { jobEvent, type NewEvent } from './features/audit/event.ts'
import { createOpenings } from './features/audit/openings.ts'
import { createRefusals } from './features/audit/refusals.ts'
import {
  createCheckpointKeys,
  prepareCheckpointKey,
} from './features/audit-logs/checkpoint-keys.ts'
import { createReceipts } from './features/audit-logs/receipts.ts'
import { sequenceEvents } from './features/audit-logs/sequence.ts'
import { measureSinks } from './features/audit-sinks/measure.ts'
import { type AuditSinkSettings, createAuditSinks, noSinks } from './features/audit-sinks/sinks.ts'
import { createAddressBlocks } from './features/blocked-addresses/address-blocks.ts'
import { createCertificateAuthenticator } from './features/certificates/authenticate.ts'
import { createPlanning } from './features/compactions/planning.ts'
import { type CosigningOptions, createCosigning } from './features/cosignatures/cosigning.ts'
import { dropEmails } from './features/emails/store.ts'
import { createEmbeddings } from './features/embeddings/embeddings.ts'
import { dropFactors } from './features/factors/store.ts'
import { createExternalTokens } from './features/identity-providers/authenticate.ts'
import { createProviderKeys } from './features/identity-providers/provider-keys.ts'
import { createIndexSnapshots } from './features/indexes/index-snapshots.ts'
import { lookingAtSpaces } from './features/indexes/look-at-space.ts'
import type { SpaceIndexOptions } from './features/indexes/space-index.ts'
import {
  createSpaceIndexes,
  indexSeed,
  openVectors,
  type SpaceIndexesOptions,
} from './features/indexes/space-indexes.ts'
import { createMailService, type MailService } from './features/mails/mail.ts'
import { dropLinkMails, dropMails } from './features/mails/store.ts'
import { toDocument } from './features/memories/memory.ts'
import { endLinks } from './features/password-links/store.ts'
import { dropPassword } from './features/passwords/store.ts'
import { createPasswordWork, type PasswordWorkOptions } from './features/passwords/work.ts'
import { createSignInAuthenticator } from './features/sign-ins/authenticate.ts'
import { followFactors } from './features/sign-ins/factors-changed.ts'
import { dropSignIns } from './features/sign-ins/store.ts'
import { createSignInUses } from './features/sign-ins/uses.ts'
import { prepareSigningKeys } from './features/signing-keys/rotate-due.ts'
import { createSigningKeys } from './features/signing-keys/signing-keys.ts'
import { reconcileTombstones } from './features/spaces/reconcile.ts'
import { requireSpace } from './features/spaces/store.ts'
import { createAccessTokenAuthenticator } from './features/tokens/authenticate.ts'
import { createKnownTokens } from './features/tokens/known-tokens.ts'
import { endFamiliesOf } from './features/tokens/store.ts'
import { createSubjects } from './features/tokens/subjects.ts'
import { createWitnessKeys, prepareWitnessKey } from './features/witnessed-logs/witness-keys.ts'
import type { Client } from './http/reply.ts'
import { createRouter } from './http/router.ts'
import type { Instance } from './instance.ts'
import { type JobRunner, jobs, startJobs } from './jobs.ts'
import type { Services } from './kernel/context.ts'
import type { JobContext } from './kernel/job.ts'
import type { Operation } from './kernel/operation.ts'
import { createMailer, type MailSettings } from './mail/mailer.ts'
import { measureOf } from './measure.ts'
import { createMetrics, type Lists, type Metrics } from './metrics/metrics.ts'
import { createEmbedder, type Embedder, type EmbedderSettings } from './models/embedder.ts'
import { createEndpoint } from './models/endpoint.ts'
import {
  createLanguageModel,
  type LanguageModel,
  type LanguageModelSettings,
} from './models/language-model.ts'
import { operations } from './operations.ts'
import type { Pipeline } from './pipeline/request.ts'
import { sinkFaults, sinkKinds } from './sinks/sink.ts'
import { spacesEverRotated } from './storage/encryption-keys.ts'
import { isInitialised } from './storage/instance.ts'
import { createKeyDestruction } from './storage/key-destruction.ts'
import { openSnapshots } from './storage/snapshots.ts'
import { instanceStore, tenantStore } from './storage/tenant-store.ts'
import { tracedDatabase } from './storage/traced-database.ts'
import { type RateBudgets, rateClasses } from './throttles/budgets.ts'
import type { RedisTarget } from './throttles/redis.ts'
import { createThrottles, type Throttles } from './throttles/throttles.ts'
import { openTraces } from './traces.ts'
import type { TraceSettings } from './tracing/tracing.ts'

export interface AppOptions {
  readonly version: string
  readonly publicUrl: string | null
  /** The settings that somebody has given, for the event of the start; no secret is in it. */
  readonly settingsGiven?: Readonly<Record<string, string>>
  readonly indexes_bytes_max: number
  /** Where pages come from without a public URL; port 80 when it is not said. */
  readonly listens?: { readonly port: number; readonly tls: boolean }
  /** Where sealed snapshots of indexes are kept; left out, every index is built from its rows. */
  readonly snapshotsDir?: string
  /** Addresses and networks of the proxies whose word on the client's address counts. */
  readonly trustedProxies?: readonly string[]
  /** Origins whose pages may read answers in a browser. */
  readonly corsOrigins?: readonly string[]
  /** Whether `/docs` and `/openapi.json` are there; they are when it is left out. */
  readonly docs?: boolean
  /** What the server itself may call; nothing when it is not said. */
  readonly egressAllow?: readonly string[]
  /** The endpoint that makes vectors; none when it is not said, and recall goes by words alone. */
  readonly embedderSettings?: EmbedderSettings | null
  /** The endpoint that writes summaries; none when it is not said. */
  readonly languageModelSettings?: LanguageModelSettings | null
  /** What takes mails, which needs a `publicUrl`; none when it is not said, and none are sent. */
  readonly mailSettings?: MailSettings | null
  /** Where audit events are shipped to; nowhere when it is not said. */
  readonly auditSinks?: AuditSinkSettings
  /** Addresses and networks from which nothing is answered. */
  readonly blockedAddresses?: readonly string[]
  /** Who cosigns the checkpoints of the logs here; nobody when it is not said. */
  readonly witnesses?: CosigningOptions['witnesses']
  /** Where nodes share their limits; none when it is not said, and this one counts for itself. */
  readonly redis?: RedisTarget | null
  /** Where traces of requests are sent; none when it is not said, and nothing is traced. */
  readonly traceSettings?: TraceSettings | null
  /** What tests and benches replace. */
  readonly embedder?: Embedder
  readonly rateBudgets?: RateBudgets
  readonly passwordWork?: PasswordWorkOptions
  readonly passkeyParty?: RelyingParty
  readonly operations?: readonly Operation[]
}

export interface App {
  fetch(request: Request, client: Client): Promise<Response>
  readonly pipeline: Pipeline
  readonly jobs: JobRunner
  /** Stops the jobs, writes down what is only in memory, and says so in the log. */
  close(): Promise<void>
}

/** A server on an instance, without sockets: `fetch` is its whole contract. */
export async function createApp(instance: Instance, options: AppOptions): Promise<App> {
  const { keys, clock, log } = instance
  const { rateBudgets: budgets, redis } = options
  const throttles = createThrottles({ key: keys.root, log, budgets, redis })
  const { traceSettings = null } = options
  const database = traceSettings ? tracedDatabase(instance.database) : instance.database
  const services = createServices({ ...instance, database }, options, throttles)
  const traces = traceSettings && (await openTraces(traceSettings, options, services))
  for (const { tenant, space } of await database.read(spacesEverRotated)) {
    services.reseals.set(space, tenant)
  }
  const pipeline = pipelineOf({ ...instance, database }, services, throttles)
  let closing = false
  const background: JobContext = {
    database,
    keys,
    clock,
    log,
    services,
    open: (tx, tenant) => tenantStore(tx, keys, tenant),
  }
  await prepare(background)
  const runner = startJobs(background)
  services.receipts.onWanted(() => runner.wake(sequenceEvents))
  const { version, settingsGiven = {} } = options
  const details = { version, settings: settingsGiven }
  await note(instance, clock, { action: 'server.started', details })
  const fetch = createRouter({
    pipeline,
    operations: options.operations ?? operations,
    version: options.version,
    publicUrl: options.publicUrl,
    trustedProxies: options.trustedProxies ?? [],
    blockedAddresses: options.blockedAddresses ?? [],
    corsOrigins: options.corsOrigins ?? [],
    docs: options.docs ?? true,
    tracing: traces?.tracing ?? null,
    ready: async () =>
      !closing &&
      database.takesChanges &&
      !services.auditSinks.isFull &&
      (await database.read(isInitialised)),
  })
  return {
    fetch,
    pipeline,
    jobs: runner,
    close: async () => {
      closing = true
      services.mail?.stop()
      services.cosigning.stop()
      services.embeddings?.pending.stop()
      services.auditSinks.stop()
      await runner.runAll()
      await runner.stop()
      await services.indexes.close()
      await services.egress.close()
      await services.auditSinks.close()
      throttles.close()
      try {
        await note(instance, clock, { action: 'server.stopped', details: {} })
        await sequenceEvents.run(background)
      } catch (thrown) {
        log.error({ err: thrown }, 'the last events could not be written')
      }
      await traces?.close()
    },
  }
}

/** What has to be before the first request. */
async function prepare(ctx: JobContext): Promise<void> {
  await reconcileTombstones(ctx)
  await prepareSigningKeys(ctx)
  await prepareCheckpointKey(ctx)
  await prepareWitnessKey(ctx)
  await ctx.services.addressBlocks.learn()
  // Where a sink that is required is full already, nothing is done.
  await measureSinks.run(ctx)
}

function pipelineOf(
  { database, keys, clock, log }: Instance,
  services: Services,
  { rateLimits }: Throttles,
): Pipeline {
  return {
    database,
    keys,
    clock,
    log,
    services,
    authenticator: createAuthenticator(),
    certificates: createCertificateAuthenticator(),
    signIns: createSignInAuthenticator(services.signInUses),
    rateLimits,
    externalTokens: createExternalTokens(services.providerKeys),
    accessTokens: createAccessTokenAuthenticator(services),
  }
}

function createServices(instance: Instance, options: AppOptions, throttles: Throttles): Services {
  const { database, keys, clock, log } = instance
  const { indexes_bytes_max: bytes_max, egressAllow = [], witnesses = [] } = options
  const { auditSinks: sinks = noSinks } = options
  const seed = indexSeed(keys.root)
  const egress = createEgress({ allow: egressAllow, log })
  const embedder = options.embedder ?? embedderOf(options.embedderSettings ?? null, { egress, log })
  const embeddings = embedder && createEmbeddings(embedder, clock)
  const vectors = embeddings && openVectors(embeddings, bytes_max)
  const kept = keptIndexes(instance, { seed, vectors, directory: options.snapshotsDir })
  const indexes = createSpaceIndexes({ toDocument, bytes_max, seed, kept, vectors })
  const reseals: Services['reseals'] = new Map()
  const destruction = createKeyDestruction({ database, keys, log })
  const signInUses = createSignInUses()
  const metrics = metricsOf(instance, options, () => services)
  const signingKeys = createSigningKeys({ database, keys, publicUrl: options.publicUrl })
  const knownTokens = createKnownTokens(signingKeys)
  const services: Services = {
    log,
    clock,
    egress,
    metrics,
    operations: options.operations ?? operations,
    embeddings,
    planning: createPlanning(),
    languageModel: languageModelOf(options.languageModelSettings ?? null, { egress, log }),
    indexes,
    tenantUpdated: () => embeddings?.pending.walkAnew(),
    reseals,
    keyUses: createKeyUses(),
    keyBudgets: createKeyBudgets(),
    providerKeys: createProviderKeys({ send: egress.fetch, clock, log }),
    publicUrl: options.publicUrl,
    signingKeys,
    knownTokens,
    subjects: createSubjects({ database, keys, services: { knownTokens, signInUses } }),
    refusals: createRefusals(),
    checkpointKeys: createCheckpointKeys({ database, keys }),
    witnessKeys: createWitnessKeys({ database, keys }),
    auditEdges: new Map(),
    cosigning: createCosigning({ witnesses, send: egress.fetch, clock, log }),
    receipts: createReceipts({ database, keys, log }),
    auditSinks: createAuditSinks(sinks, { ...instance, egressAllow, metrics }),
    openings: createOpenings(),
    addressBlocks: createAddressBlocks({ database, keys, clock, log }),
    rateLimits: throttles.rateLimits,
    lockout: throttles.lockout,
    appointAdministrator,
    mail: mailOf(options, log),
    passwordWork: createPasswordWork(options.passwordWork),
    signInUses,
    ...whatEndsWithPeople,
    requireSpace,
    passkeyParty: passkeyPartyOf(options),
    keyDestroyed: async (tenant, scope) => {
      const isSpace = scope.startsWith('spc_')
      const erased = isSpace && indexes.erase({ tenant, space: scope as `spc_${string}` })
      // Both are waited for to their end: a failure that nobody waits for yet would end the process.
      const ended = await Promise.allSettled([destruction.destroyed(tenant, scope), erased])
      for (const one of ended) if (one.status === 'rejected') throw one.reason
    },
    finishDestruction: destruction.finish,
    keyRotated: (tenant, scope) => {
      if (scope === 'tenant') keys.cache.forgetTenant(tenant)
      else keys.cache.forget(tenant, scope)
      if (scope.startsWith('spc_')) reseals.set(scope as `spc_${string}`, tenant)
    },
  }
  return services
}

function metricsOf(instance: Instance, options: AppOptions, services: () => Services): Metrics {
  const lists: Lists = {
    operations: (options.operations ?? operations).map(({ id }) => id),
    jobs: jobs.map(({ name }) => name),
    rateClasses: [...rateClasses, 'failure'],
    sinks: sinkKinds,
    sinkFaults,
  }
  return createMetrics(lists, measureOf({ ...instance, services }))
}

/** What of several features ends with a sign-in, a factor, or a person. */
const whatEndsWithPeople: Pick<Services, 'endSignIns' | 'factorsChanged' | 'principalDeleted'> = {
  endSignIns: async (store, of) => {
    await endLinks(store, of)
    await dropLinkMails(store, of)
    return dropSignIns(store, of)
  },
  factorsChanged: async (ctx, change) => {
    const { store, caller, now } = ctx
    const credential = caller.credentialId
    if (isId('sin', credential)) await endFamiliesOf(store, { credential, now })
    return followFactors(ctx, change)
  },
  principalDeleted: async (store, id) => {
    await dropPassword(store, id)
    await dropFactors(store, id)
    await dropEmails(store, id)
    await dropMails(store, id)
  },
}

function mailOf({ mailSettings, publicUrl }: AppOptions, log: Log): MailService | null {
  if (!mailSettings) return null
  assert(publicUrl !== null, 'mail without a public address is a mistake in the settings')
  return createMailService(createMailer(mailSettings, log), publicUrl)
}

function passkeyPartyOf({ publicUrl, listens, passkeyParty }: AppOptions): RelyingParty | null {
  const { port = 80, tls = false } = listens ?? {}
  return passkeyParty ?? relyingPartyOf({ publicUrl, port, tls })
}

/** Snapshots of indexes, sealed, in a directory of the node's own. */
function keptIndexes(
  { database, keys, log }: Instance,
  { directory, ...index }: SpaceIndexOptions & { directory: string | undefined },
): SpaceIndexesOptions['kept'] {
  if (directory === undefined) return undefined
  const look = lookingAtSpaces(database, keys)
  const snapshots = openSnapshots({ directory, log })
  return { snapshots: createIndexSnapshots({ snapshots, look, ...index }), log }
}

function languageModelOf(
  settings: LanguageModelSettings | null,
  { egress, log }: Pick<Services, 'egress' | 'log'>,
): LanguageModel | null {
  if (!settings) return null
  const { baseUrl, key, ...model } = settings
  const endpoint = createEndpoint({ baseUrl, key, fetch: egress.fetch })
  return createLanguageModel({ ...model, endpoint, log })
}

function embedderOf(
  settings: EmbedderSettings | null,
  { egress, log }: Pick<Services, 'egress' | 'log'>,
): Embedder | null {
  if (!settings) return null
  const { baseUrl, key, ...embedder } = settings
  const endpoint = createEndpoint({ baseUrl, key, fetch: egress.fetch })
  return createEmbedder({ ...embedder, endpoint, log })
}

/** What the server itself does goes to the instance's own log. */
async function note(
  { database, keys }: Instance,
  clock: Clock,
  { action, details }: Pick<NewEvent, 'action' | 'details'>,
): Promise<void> {
  await database.write(async (tx) => {
    const event = jobEvent(clock(), action, { resourceId: instanceTenant, details })
    await appendEvent(instanceStore(tx, keys), event, clock)
  }, 'full')
}
