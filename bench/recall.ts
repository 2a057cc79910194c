/**
 * Retrieval quality over the HTTP API. The file is a JSON list of conversations:
 * `[{conversation, turns: [{id, session, speaker, text}], questions: [{question, evidence: [id]}]}]`.
 * One space a conversation, one memory a turn; recall@k is the share of a question's evidence among
 * the first k answers, averaged over all questions.
 */
import { readFileSync } from 'node:fs'
import { initData, startServer } from '../test/server-process.ts'
import { type Client, createClient } from './client.ts'
import { quantiles, row } from './table.ts'

interface Conversation {
  readonly conversation: string
  readonly turns: readonly { id: string; session: string; speaker: string; text: string }[]
  readonly questions: readonly { question: string; evidence: readonly string[] }[]
}

const depths = [5, 10, 20] as const
const batch_n = 100

export async function benchRecall(args: readonly string[]): Promise<void> {
  const [file] = args
  if (file === undefined) throw new Error('usage: npm run bench -- recall FILE')
  const conversations = JSON.parse(readFileSync(file, 'utf8')) as Conversation[]
  const data = await initData()
  const server = await startServer(data)
  const client = createClient(server.url, data.key)
  try {
    console.log(row(['', 'questions', ...depths.map((depth) => `recall@${depth}`)]))
    const scores: number[][] = []
    const times_ms: number[] = []
    for (const conversation of conversations) {
      await storeTurns(client, conversation)
      const own = await askAll(client, conversation, times_ms)
      console.log(scoreRow(conversation.conversation, own))
      scores.push(...own)
    }
    console.log(scoreRow('all', scores))
    console.log(`\nrecall, limit 20  p50 ${quantiles(times_ms).p50.toFixed(2)} ms`)
  } finally {
    client.close()
    await server.end('SIGTERM')
    await data.remove()
  }
}

async function storeTurns(client: Client, { conversation, turns }: Conversation): Promise<void> {
  for (let at = 0; at < turns.length; at += batch_n) {
    const items = turns.slice(at, at + batch_n).map((turn) => ({
      key: turn.id,
      text: `${turn.speaker}: ${turn.text}`,
      sessionId: turn.session,
    }))
    const answer = await client.post('/v1/memories/batch', { space: `team:${conversation}`, items })
    const failed = (answer as { items: { error: unknown }[] }).items.filter((item) => item.error)
    if (failed.length > 0) throw new Error(`not stored: ${JSON.stringify(failed[0])}`)
  }
}

/** For each question, its recall at each depth. */
async function askAll(
  client: Client,
  { conversation, questions }: Conversation,
  times_ms: number[],
): Promise<number[][]> {
  const scores: number[][] = []
  for (const { question, evidence } of questions) {
    const before = performance.now()
    const answer = await client.post('/v1/memories/recall', {
      space: `team:${conversation}`,
      query: question,
      limit: Math.max(...depths),
    })
    times_ms.push(performance.now() - before)
    const found = (answer as { items: { key: string }[] }).items.map((item) => item.key)
    scores.push(depths.map((depth) => shareFound(evidence, found.slice(0, depth))))
  }
  return scores
}

function shareFound(evidence: readonly string[], found: readonly string[]): number {
  return evidence.filter((id) => found.includes(id)).length / evidence.length
}

function scoreRow(name: string, scores: readonly (readonly number[])[]): string {
  const mean = (at: number): number =>
    scores.reduce((sum, score) => sum + (score[at] ?? 0), 0) / scores.length
  return row([name, String(scores.length), ...depths.map((_, at) => mean(at).toFixed(3))])
}
