/**
 * The security requirements in force, as data: OWASP ASVS 5.0.0 by its ids, and the traps that the
 * guides of this field walk into. A test shows one by citing `[its id]` in a name or a comment;
 * test/requirements.test.ts fails for one that no test cites.
 */

export interface Requirement {
  readonly id: string
  /** Of ASVS; null for a trap. */
  readonly level: 1 | 2 | 3 | null
  readonly text: string
}

type Row = readonly [id: string, level: Requirement['level'], text: string]

const asvs: readonly Row[] = [
  ['V1.2.4', 1, 'Queries are parameterised; no SQL is built from strings; filters are an AST.'],
  ['V1.3.2', 1, 'Text is never evaluated as code; filters are parsed, not executed.'],
  ['V1.3.6', 2, 'One way out: resolved, judged and pinned addresses, no redirects.'],
  ['V1.5.3', 3, 'One JSON parser everywhere: no duplicate keys, bounded depth and size.'],
  ['V2.2.1', 1, 'Every input has a strict schema, published as OpenAPI and fuzzed.'],
  ['V2.2.2', 1, 'All validation is on the server; clients add nothing that is trusted.'],
  ['V2.3.1', 1, 'Password, factor, sign-in: no step is left out, and none is done twice.'],
  ['V2.3.3', 2, 'A write is row, version and audit event in one transaction, or nothing.'],
  [
    'V3.2.1',
    1,
    'No answer of the API is rendered: its type is kept to, it is sandboxed and for scripts.',
  ],
  ['V3.2.2', 1, 'What a page shows is escaped as text.'],
  ['V3.3.1', 1, 'Cookies are Secure, with the prefix __Host-.'],
  ['V3.3.3', 2, 'Every cookie is of this host alone: no Domain.'],
  ['V3.3.4', 2, 'The cookie of a sign-in is HttpOnly, and in no body, URL or log.'],
  ['V3.4.2', 1, 'CORS is a list of exact origins, none by default; null and echoes are refused.'],
  [
    'V3.4.3',
    2,
    'Every answer has a strict policy: no script, no object, no base, not even on a page.',
  ],
  ['V3.4.6', 2, 'No answer may be shown in a frame.'],
  ['V3.5.1', 1, 'A change by cookie needs a CSRF token and our own page; so does signing in.'],
  ['V3.5.3', 1, 'Nothing changes by GET or HEAD.'],
  ['V4.1.3', 2, 'What a proxy says of the client is believed only of proxies that are named.'],
  ['V4.1.4', 3, 'Methods that are not declared are refused (405); TRACE is off.'],
  [
    'V4.2.1',
    2,
    'One cut of bytes into requests: the listener, and the documented nginx before it.',
  ],
  ['V6.1.1', 1, 'How tries are throttled and locked out is documented, also against malice.'],
  ['V6.2.1', 1, 'Passwords have 8 characters at least, those of administrators 15.'],
  ['V6.2.8', 1, 'Passwords are verified to the byte: not trimmed, lowered, cut off or normalised.'],
  ['V6.2.10', 2, 'A password is changed when its owner wants to, never because it is old.'],
  ['V6.2.12', 2, 'Common passwords are refused, by a list at hand; without it none is set.'],
  ['V6.3.1', 1, 'Tries are counted by account, by address and by both, atomically.'],
  ['V6.3.2', 1, 'There are no default accounts and no default passwords.'],
  [
    'V6.3.3',
    2,
    'Who administers, and who else the tenant names, can do nothing without a second factor.',
  ],
  ['V6.3.4', 2, 'Every way in, at every strength, against every kind of operation: one matrix.'],
  [
    'V6.3.5',
    3,
    'A sign-in that waits for a factor, one that failed, a new network and tries before are in events.',
  ],
  ['V6.3.8', 3, 'Nobody’s account is told from one that is there: same body, status, work.'],
  ['V6.4.1', 1, 'Invitations and resets: 256 bits, kept hashed, an hour, spent once.'],
  ['V6.4.3', 2, 'A password reset takes no factor away and goes around none.'],
  ['V6.5.1', 2, 'A one-time code and a recovery code count once, in whichever form they come.'],
  ['V6.5.2', 2, 'Recovery codes have 120 bits, and are kept as keyed hashes.'],
  [
    'V6.5.5',
    2,
    'A one-time code lives for 30 seconds and one step to each side; a challenge ten minutes.',
  ],
  ['V6.5.6', 3, 'Each factor can be removed by itself, which ends the sign-ins.'],
  ['V6.8.1', 2, 'Somebody of another provider is issuer and subject, never an e-mail.'],
  ['V7.2.3', 1, 'The token of a sign-in is 256 bits by chance, kept hashed.'],
  ['V7.2.4', 1, 'Signing in and stepping up make a new token; the old one is dead.'],
  ['V7.3.1', 2, 'A sign-in that is left alone ends: 15 minutes.'],
  ['V7.3.2', 2, 'A sign-in ends at last: 12 hours.'],
  ['V7.4.1', 1, 'What was ended is over on the server; access tokens obey it at the next request.'],
  ['V7.4.2', 1, 'Who is disabled or deleted is signed in nowhere, and has no token that works.'],
  ['V7.4.3', 2, 'Another password, or a change of factors, ends the sign-ins that there were.'],
  ['V7.4.5', 2, 'Who manages users can end their sign-ins.'],
  [
    'V7.5.1',
    2,
    'What is sensitive needs the password again: keys, grants, another e-mail address.',
  ],
  ['V7.5.2', 2, 'A person sees where he is signed in, and ends it.'],
  ['V7.5.3', 3, 'Who has a factor confirms with the password and the factor.'],
  ['V8.1.1', 1, 'The matrix of roles and permissions is documented as data and held to the code.'],
  ['V8.2.1', 1, 'Deny by default: there is no operation without a permission.'],
  ['V8.2.2', 1, 'What is somebody else’s is 404, in the shape of what never was.'],
  ['V8.2.4', 3, 'A sign-in that is used in another network is no longer fresh.'],
  ['V8.3.1', 1, 'One decision point on the server for every operation.'],
  ['V8.3.2', 3, 'A change of role, tenant or key takes effect at the next request.'],
  ['V8.3.3', 3, 'An agent acts for a user with what both may, each by a grant of his own.'],
  ['V8.4.1', 2, 'The tenant comes only from the credential; nobody sees another tenant’s data.'],
  ['V10.4.5', 1, 'A refresh token works once; one shown again ends its family, without grace.'],
  ['V10.4.8', 2, 'Refresh tokens end when unused, and 30 days after the first of them.'],
  [
    'V9.1.2',
    1,
    'Algorithms of tokens are listed, one family for an issuer; none and HMAC are not.',
  ],
  ['V9.1.3', 1, 'What a token’s header says never selects a key outside the issuer’s set.'],
  ['V9.2.1', 1, 'The times of a token are enforced, with bounded skew.'],
  ['V9.2.2', 2, 'Kinds of tokens are kept apart: access, ID, logout, refresh, bound to a key.'],
  ['V9.2.3', 2, 'A token counts only where its audience says so.'],
  ['V10.1.1', 2, 'Tokens of a provider stay on the server: none reaches a browser, none is kept.'],
  ['V10.1.2', 2, 'State, nonce and verifier are of one sign-in in one browser, and good once.'],
  ['V10.2.2', 2, 'Who sends a browser back says who it is; no provider passes for another.'],
  ['V10.5.1', 2, 'An ID token counts only with the nonce of the sign-in that asked for it.'],
  ['V10.3.1', 2, 'Only tokens made for us are taken.'],
  ['V10.3.3', 2, 'The principal of a foreign token is its issuer and subject.'],
  ['V10.5.3', 2, 'The issuer that discovery names is exactly the one configured.'],
  [
    'V11.2.2',
    2,
    'Format byte and key version on every ciphertext; old ones open, keys rotate online.',
  ],
  ['V11.2.4', 3, 'Secrets are compared in constant time, by fixed-length digests.'],
  ['V11.4.2', 2, 'Passwords are argon2id at current cost, which stands beside each hash.'],
  ['V11.2.5', 3, 'One opaque error of decryption; never a fallback to plaintext.'],
  ['V11.3.3', 2, 'Authenticated encryption for everything that is stored.'],
  ['V11.3.4', 3, 'Nonces: seals are counted and a key rotates before 2^32 messages.'],
  ['V11.5.1', 2, 'At least 128 random bits in every unguessable value; ids are not secrets.'],
  ['V12.1.1', 1, 'TLS 1.2 and 1.3 only, 1.3 first; an outside judge finds nothing above LOW.'],
  ['V12.1.3', 2, 'Client certificates: of a private CA only, and mapped to one principal.'],
  ['V12.3.1', 2, 'TLS to the database on another machine; plain text is refused in production.'],
  ['V12.3.2', 2, 'Certificates of servers are verified; no setting turns that off.'],
  ['V13.2.2', 2, 'The login that serves has no DDL and is held by row security, the second wall.'],
  ['V13.2.4', 2, 'Outgoing calls reach an allow-list; all others are refused and logged.'],
  [
    'V13.3.1',
    2,
    'Secrets come from the environment, files, Vault or AWS; none is in an image or a setting.',
  ],
  ['V13.4.5', 2, 'The docs are off in production unless they are asked for.'],
  ['V14.1.1', 2, 'Every stored field is classified; one that is not does not pass.'],
  ['V14.2.1', 1, 'No secret in a URL: one that comes there is refused.'],
  ['V14.3.2', 2, 'Cache-Control: no-store on every answer.'],
  ['V15.1.2', 2, 'A bill of materials (CycloneDX) of what ships, from the lockfile.'],
  ['V15.2.4', 3, 'Lockfile only, one registry, no install scripts.'],
  ['V15.2.2', 2, 'Expensive work has a bound on how much is done at once, and on who waits.'],
  ['V15.3.1', 1, 'Answers hold declared fields only; the shape of each is a snapshot.'],
  ['V15.3.3', 2, 'Mass assignment: server-owned fields in a body are refused.'],
  ['V15.3.4', 2, 'The client’s address is of trusted hops only, for limits, keys and audit.'],
  ['V15.3.6', 2, 'Prototype pollution is refused at every JSON entry point.'],
  ['V15.4.2', 3, 'Checks and acts are atomic under a hundred at once.'],
  ['V16.1.1', 2, 'Every event that can be logged is in a catalogue made from the code.'],
  ['V16.2.1', 2, 'Who, what, where, when, outcome, request and decision on each event.'],
  ['V16.2.5', 2, 'No word of a caller stands in an event, a tile, a log or a file.'],
  ['V16.3.1', 2, 'Every outcome of showing who one is stands in the audit, with its way.'],
  ['V16.3.2', 2, 'Denials are audited always; allowed access to memories too.'],
  [
    'V16.3.3',
    2,
    'Limits that are hit and input that is refused stand in the audit, without a flood.',
  ],
  ['V16.4.1', 2, 'Each line of the log is JSON of known fields, its controls escaped.'],
  ['V16.4.2', 2, 'Events are leaves of a log that only grows, and that a stranger checks.'],
  ['V16.5.1', 2, 'A generic error body with a correlation id.'],
  ['V16.5.3', 2, 'Fail closed: when audit, keys, rights or a parser fail, so does the operation.'],
]

/** Hidden bugs in the samples of today’s guides that concern keys, filters, decryption, identity. */
const traps: readonly Row[] = [
  ['trap-secret-as-identifier', null, 'A secret never becomes an identifier in rows or logs.'],
  ['trap-filter-over-owner', null, 'A caller’s filter never overrides tenant or owner.'],
  ['trap-encrypted-query', null, 'Recall over sealed memories ranks as over plain ones.'],
  ['trap-fall-through', null, 'What does not decrypt is an error, never data.'],
  ['trap-guessable-pseudonym', null, 'Look-ups are keyed per tenant: no dictionary reverses them.'],
  [
    'trap-key-membership',
    null,
    'Keys are hashed, found by id, compared in constant time, revocable.',
  ],
  ['trap-erased-audit', null, 'Erasure destroys the content’s key; the event and its place stay.'],
  ['trap-obsolete-ciphers', null, 'HMAC for random keys, AES-256-GCM for data; no CBC, no bcrypt.'],
]

export const requirements: readonly Requirement[] = [...asvs, ...traps].map(([id, level, text]) => {
  return { id, level, text }
})
