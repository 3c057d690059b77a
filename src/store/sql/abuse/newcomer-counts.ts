import type { NewcomerCountsWriter, NewcomerDeed } from '../../ports/abuse/newcomer-counts.ts'
import { defineWrite, queriesOver } from '../engine/index.ts'

interface NewcomerTables {
  readonly newcomer_counts: {
    readonly user_number: number
    readonly deed: string
    readonly ends_ms: number
    readonly times: number
  }
}

const query = queriesOver<NewcomerTables>()

const countOf = query((db, param: { user: number; deed: string }) =>
  db
    .selectFrom('newcomer_counts')
    .select(['ends_ms', 'times'])
    .where('user_number', '=', param.user)
    .where('deed', '=', param.deed),
)
const upsert = query((db, param: { user: number; deed: string; endsMs: number; times: number }) =>
  db
    .insertInto('newcomer_counts')
    .values({ user_number: param.user, deed: param.deed, ends_ms: param.endsMs, times: param.times })
    .onConflict((on) => on.columns(['user_number', 'deed']).doUpdateSet({ ends_ms: param.endsMs, times: param.times })),
)
const someOver = query((db, param: { nowMs: number }) =>
  db
    .selectFrom('newcomer_counts')
    .select(['user_number', 'deed'])
    .where('ends_ms', '<=', param.nowMs)
    .orderBy('ends_ms')
    .limit(20),
)
const deleteOne = query((db, param: { user: number; deed: string }) =>
  db.deleteFrom('newcomer_counts').where('user_number', '=', param.user).where('deed', '=', param.deed),
)

const count = defineWrite('newcomerCounts.count', async (tx, input: NewcomerDeed): Promise<number | undefined> => {
  const { user, deed, times, most, nowMs, endsAtMs } = input
  const held = await tx.first(countOf, { user, deed })
  const current = held !== undefined && held.ends_ms > nowMs ? held : undefined
  const counted = (current?.times ?? 0) + times
  if (counted > most) return current?.ends_ms ?? endsAtMs
  // Counts that are over go as new ones come.
  for (const row of await tx.all(someOver, { nowMs }))
    await tx.run(deleteOne, { user: row.user_number, deed: row.deed })
  await tx.run(upsert, { user, deed, endsMs: current?.ends_ms ?? endsAtMs, times: counted })
  return undefined
})

export const newcomerCountWrites = [count]

export const newcomerCountsWriter: NewcomerCountsWriter = { count }
