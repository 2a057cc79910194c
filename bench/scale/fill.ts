/** Fills spaces through the batch operation, with small metadata and a few sessions. */
import type { Client } from '../client.ts'
import type { Texts } from '../texts.ts'

const batch_n = 100

export interface Filling {
  readonly space: string
  readonly count: number
  readonly texts: Texts
}

/** One memory of a bench: about 200 characters, small metadata, a session, a day of the past year. */
export function newMemory(texts: Texts, at: number): object {
  return {
    text: texts.memory(),
    sessionId: texts.session(),
    metadata: { channel: channels[at % channels.length], turn: at % 40 },
    tags: [`topic-${at % 50}`],
  }
}

const channels = ['chat', 'mail', 'phone']

/** Shares the batches of one space among the clients. Throws when any memory was refused. */
export async function fillSpace(
  clients: readonly Client[],
  { space, count, texts }: Filling,
): Promise<void> {
  let next = 0
  const work = async (client: Client): Promise<void> => {
    while (next < count) {
      const from = next
      next = Math.min(count, from + batch_n)
      const items = Array.from({ length: next - from }, (_, at) => newMemory(texts, from + at))
      const answer = await client.post('/v1/memories/batch', { space, items })
      const refused = (answer as { items: { error: unknown }[] }).items.find((item) => item.error)
      if (refused) throw new Error(`not stored: ${JSON.stringify(refused)}`)
    }
  }
  await Promise.all(clients.map(work))
}
