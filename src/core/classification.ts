/**
 * How closely a stored value is kept. `public` stands in clear: opaque ids, sequence numbers, times
 * and codes of closed vocabularies. `sensitive` (what people say and are called) and `secret` (what
 * grants power) are sealed, and never reach a log, an error, a metric or a URL.
 */
export type Classification = 'public' | 'sensitive' | 'secret'
