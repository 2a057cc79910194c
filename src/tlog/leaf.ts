/**
 * What a log's entry says of an event: JSON as of RFC 8785, so that whoever has the event can make the
 * same bytes. It names nobody and nothing: the hash holds a random salt that is sealed with the event,
 * so it hides what it binds, and goes on binding when the event is gone.
 */
/** The version of the shape. */
const version = 1

export interface Leaf {
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly class: string
  /** The commitment of the event, 32 bytes. */
  readonly hash: Uint8Array
}

/** Members in the order of their names, numbers as integers, and nothing that would have to be escaped. */
export function leafEntry({ id, time, class: kind, hash }: Leaf): Uint8Array {
  const encoded = Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('base64')
  return Buffer.from(
    `{"class":"${kind}","hash":"${encoded}","id":"${id}","time":${time},"v":${version}}`,
  )
}

const entryShape =
  /^\{"class":"([a-z-]+)","hash":"([A-Za-z0-9+/]{43}=)","id":"(evt_[0-9A-Z]{26})","time":(\d{1,16}),"v":1\}$/

/** Null for what `leafEntry` would not give. */
export function readLeaf(entry: Uint8Array): Leaf | null {
  if (entry.length > 512) return null
  const [, kind, hash, id, time] = entryShape.exec(Buffer.from(entry).toString('latin1')) ?? []
  if (kind === undefined || hash === undefined || id === undefined) return null
  return { class: kind, hash: Buffer.from(hash, 'base64'), id, time: Number(time) }
}
