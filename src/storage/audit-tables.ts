/** The tables of the audit: events, and the logs that they are leaves of. */
import type { Id } from '../core/ids.ts'
import { blind, digest, integer, nullable, secret, sensitive, text } from './column.ts'
import type { KeyScope, PrincipalId } from './key-scope.ts'

export const auditTables = {
  audit_events: {
    tenant_id: text<Id<'ten'>>(),
    event_id: text<Id<'evt'>>(),
    time: integer(),
    class: text<'read' | 'write' | 'admin' | 'security' | 'system'>(),
    action: text(),
    outcome: text<'allowed' | 'denied' | 'failed'>(),
    actor_id: nullable(text<PrincipalId>()),
    resource_id: nullable(text()),
    /** The key that sealed `body`: the space's where there is one, else the tenant's. */
    scope: text<KeyScope>(),
    /** SHA-256(salt || origin || body), what the log's leaf will commit to. */
    commitment: digest(),
    /** Client address and agent, under the actor's key. */
    origin: nullable(sensitive()),
    body: nullable(sensitive()),
    /** Proves the event until it is a leaf; null in events of before there were logs. */
    proof: nullable(digest()),
    /** Its place in the log; null while it waits for one, below zero when it is not believed. */
    leaf: nullable(integer()),
    /** The stretch of the log that it is looked for in; below zero: it is looked for by its id alone. */
    stretch: integer(),
  },

  /** Where the log of a tenant, or of the instance, stands. */
  audit_logs: {
    tenant_id: text<Id<'ten'>>(),
    /** While it is `adopting`, events of before there were logs become leaves; a `broken` one stands still. */
    state: text<'adopting' | 'growing' | 'broken'>(),
    size: integer(),
    /** What was pruned ends before it. */
    first_index: integer(),
    /** The signed note, in UTF-8: a name of the log, its size and root. */
    checkpoint: digest(),
    signed_at: integer(),
    mac: digest(),
  },

  /** How far a witness has cosigned the log of a tenant, or of the instance. */
  audit_cosignatures: {
    tenant_id: text<Id<'ten'>>(),
    /** Its name and the id of its key. */
    witness: text(),
    /** `unlisted`: it does not know the log; `refused`: it has cosigned more than there is; `forked`: another history. */
    state: text<'cosigned' | 'unlisted' | 'refused' | 'forked'>(),
    /** Of what it cosigned last; 0: nothing. */
    size: integer(),
    /** That checkpoint, with its cosignature: a signed note, in UTF-8. */
    cosigned: nullable(digest()),
    /** When it says that it did. */
    cosigned_at: nullable(integer()),
    /** When it was last asked and gave an answer. */
    tried_at: integer(),
    mac: digest(),
  },

  /** Hashes and entries of the logs' trees; nothing of them says whose or what. */
  audit_tiles: {
    tenant_id: text<Id<'ten'>>(),
    /** -1: entries. */
    level: integer(),
    tile: integer(),
    data: digest(),
  },

  /** How far the events of a class have been purged: none of it is left before this leaf. */
  audit_purges: {
    tenant_id: text<Id<'ten'>>(),
    class: text<'read' | 'write' | 'admin' | 'security' | 'system'>(),
    next_leaf: integer(),
    /** The event that told of its last purge; null: none of it has gone yet. */
    event_id: nullable(text<Id<'evt'>>()),
  },

  /** How far a log was shipped to a sink. */
  audit_sinks: {
    tenant_id: text<Id<'ten'>>(),
    kind: text<'file' | 'syslog' | 'webhook'>(),
    /** What is before it was taken by the sink. */
    next_leaf: integer(),
    /** What is between the two may have been sent. Below zero: all before its amount is sent anew. */
    sending_until: integer(),
    /** At the instance's log, of all: the process that ships to the sink, and until when no other does. */
    sender_id: nullable(text()),
    sender_until: integer(),
    /** The same: what an event has last told of the sink. */
    state: text<'current' | 'behind' | 'full'>(),
    mac: digest(),
  },

  /** What checkpoints are signed with; the instance's own. */
  checkpoint_keys: {
    tenant_id: text<Id<'ten'>>(),
    checkpoint_key_id: text<Id<'cpk'>>(),
    public_key: digest(),
    sealed_key: secret(),
    created_at: integer(),
    mac: digest(),
  },

  /** What cosignatures of others' checkpoints are made with; the instance's own. */
  witness_keys: {
    tenant_id: text<Id<'ten'>>(),
    witness_key_id: text<Id<'wtk'>>(),
    public_key: digest(),
    sealed_key: secret(),
    created_at: integer(),
    mac: digest(),
  },

  /** Logs of others, and what of each was cosigned last; of the instance. */
  witnessed_logs: {
    tenant_id: text<Id<'ten'>>(),
    witnessed_log_id: text<Id<'wlg'>>(),
    /** What was `ended` is cosigned no more; where it stood is kept. */
    state: text<'witnessed' | 'ended'>(),
    origin_index: blind(),
    /** Its origin and the key of its checkpoints. */
    details: sensitive(),
    /** Of the checkpoint that was cosigned last; 0 and the root of nothing: none was. */
    size: integer(),
    root: digest(),
    /** That checkpoint, with the cosignature. */
    cosigned: nullable(sensitive()),
    cosigned_at: nullable(integer()),
    /** The first checkpoint of a size that was cosigned that has another root. */
    evidence: nullable(sensitive()),
    created_at: integer(),
    created_by: text<PrincipalId>(),
    mac: digest(),
  },
} as const
