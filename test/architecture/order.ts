/** The order of the code base: who may import whom. Design, not mechanism: change it with a reason. */

/**
 * Layers, the highest first. A file imports its own layer and those below; two folders that share a
 * layer never import each other. An entry that ends in `/` is a folder.
 */
export const layers: readonly (readonly string[])[] = [
  ['src/main.ts'],
  ['src/cli/'],
  ['src/app.ts'],
  ['src/doctor/'],
  ['src/bootstrap-keys.ts', 'src/move.ts'],
  ['src/instance.ts'],
  ['src/engine.ts', 'src/root-key-rotation.ts'],
  ['src/config/'],
  ['src/http/', 'src/mcp/'],
  ['src/operations.ts', 'src/execute.ts', 'src/jobs.ts', 'src/measure.ts', 'src/traces.ts'],
  ['src/pipeline/'],
  ['src/features/'],
  ['src/kernel/'],
  ['src/throttles/'],
  ['src/storage/'],
  ['src/tlog/', 'src/sinks/'],
  ['src/crypto/'],
  ['src/models/', 'src/mail/'],
  ['src/secrets/'],
  ['src/egress/'],
  ['src/metrics/', 'src/tracing/'],
  ['src/core/'],
]

/** Features, the highest first: each imports only those below it. */
export const features: readonly string[] = [
  'incidents',
  'alerts',
  'compliance',
  'backups',
  'erasures',
  'exports',
  'retention',
  'tools',
  'credentials',
  'audit-checks',
  'encryption-keys',
  'compactions',
  'recall',
  'memories',
  'embeddings',
  'indexes',
  'privacy',
  'provenance',
  'access-reviews',
  'decisions',
  'audit-questions',
  'spaces',
  'provider-sign-ins',
  'tokens',
  'sign-ins',
  'signing-keys',
  'letters',
  'password-links',
  'sign-in-policies',
  'factors',
  'passkeys',
  'passwords',
  'emails',
  'mails',
  'identity-providers',
  'api-keys',
  'certificates',
  'witnessed-logs',
  'blocked-addresses',
  'roles',
  'principals',
  'tenants',
  'audit-sinks',
  'audit-logs',
  'event-records',
  'cosignatures',
  'audit',
]

/** What only some places may import. A place is a pattern over the path of the importing file. */
export const reserved: readonly Reserved[] = [
  {
    packages: /^jose($|\/)/,
    places: /^src\/crypto\//,
    why: 'JWTs are made and checked by crypto/',
  },
  {
    packages: /^@simplewebauthn\//,
    places: /^src\/crypto\//,
    why: 'passkeys are checked by crypto/',
  },
  {
    packages: /^(openid-client|oauth4webapi)($|\/)/,
    places: /^src\/features\/identity-providers\/authorization\.ts$/,
    why: 'one place speaks to identity providers as their client',
  },
  {
    packages: /^kysely($|\/)/,
    places: /^src\/(storage\/|features\/[^/]+\/store\.ts$)/,
    why: 'queries live in storage/ and in each store.ts',
  },
  {
    packages: /^(node:)?crypto$/,
    places: /^src\/crypto\//,
    why: 'cryptography lives in crypto/',
  },
  {
    packages: /^(node:sqlite$|pg($|\/))/,
    places: /^src\/storage\//,
    why: 'engines are driven by storage/ alone',
  },
  {
    packages: /^(hono|@hono\/[^/]+)($|\/)/,
    places: /^src\/(http\/|app\.ts$)/,
    why: 'HTTP lives in http/',
  },
  {
    packages: /^zod($|\/)/,
    places: /^src\/(features\/|kernel\/|pipeline\/|core\/|http\/|config\/|operations\.ts$)/,
    why: 'schemas belong to what declares an operation or a setting',
  },
  {
    packages: /^@redis\/client($|\/)/,
    places: /^src\/throttles\//,
    why: 'shared counters are kept by throttles/',
  },
  {
    packages: /^smol-toml($|\/)/,
    places: /^src\/config\//,
    why: 'the settings file is read by config/',
  },
  {
    packages: /^(undici($|\/)|(node:)?dns($|\/)|(node:)?(dgram|http2)$)/,
    places: /^src\/egress\//,
    why: 'outgoing calls go through the gate of egress/',
  },
  {
    packages: /^aws4fetch($|\/)/,
    places: /^src\/secrets\//,
    why: 'secrets are fetched by secrets/',
  },
  {
    packages: /^(ai|@ai-sdk\/[^/]+)($|\/)/,
    places: /^src\/models\//,
    why: 'models are called by models/',
  },
  {
    packages: /^prom-client($|\/)/,
    places: /^src\/metrics\//,
    why: 'what is counted, and by which labels, is decided in metrics/',
  },
  {
    packages: /^@opentelemetry\//,
    places: /^src\/tracing\//,
    why: 'what is told of a request in a trace, and to whom, is decided in tracing/',
  },
  {
    packages: /^nodemailer($|\/)/,
    places: /^src\/mail\//,
    why: 'mails are sent by mail/',
  },
  {
    packages: /^(node:)?(child_process|vm|repl|inspector|cluster)($|\/)/,
    places: /^$/,
    why: 'the server starts no programs and evaluates no code',
  },
]

/** Packages that only files matching `places` may import, and why. */
export interface Reserved {
  readonly packages: RegExp
  readonly places: RegExp
  readonly why: string
}
