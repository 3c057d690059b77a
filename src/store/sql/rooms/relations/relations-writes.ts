import { type EventId, isJsonObject } from '#spec'
import type { RelationsWriter } from '../../../ports/rooms/relations.ts'
import { defineWrite, type Tx } from '../../engine/index.ts'
import { query } from '../tables.ts'
import { newRelation } from './new-relation.ts'
import { storeIndirect, storeRelation } from './relation-rows.ts'

const filledUpTo = query((db) => db.selectFrom('relations_filled').select(['up_to', 'last']))
const fillOnFrom = query((db, param: { upTo: number }) => db.updateTable('relations_filled').set({ up_to: param.upTo }))
const unfilled = query((db, param: { after: number; upTo: number }) =>
  db
    .selectFrom('events')
    .select(['event', 'event_id', 'room', 'type', 'state_key', 'sender', 'depth', 'json'])
    .where('event', '>', param.after)
    .where('event', '<=', param.upTo)
    .where('placed', '<=', 1)
    .where('redacted_by', 'is', null)
    .where('json', 'like', '%"m.relates_to":%')
    .orderBy('event'),
)
const relatingTo = query((db, param: { room: number; target: EventId; limit: number }) =>
  db
    .selectFrom('relations as r')
    .innerJoin('events as e', 'e.event', 'r.event')
    .select(['r.event', 'r.room', 'r.depth', 'r.target', 'e.event_id'])
    .where('r.room', '=', param.room)
    .where('r.target', '=', param.target)
    .limit(param.limit),
)

/** Events that were sent since the start and relate to one that is only now looked through: few. */
const MOST_NEWER = 200

/** Events that relate to this one came before its own relation was known. */
const linkNewer = async (tx: Tx, room: number, target: EventId, levels: number): Promise<void> => {
  if (levels === 0) return
  for (const newer of await tx.all(relatingTo, { room, target, limit: MOST_NEWER })) {
    await storeIndirect(tx, newer)
    await linkNewer(tx, room, newer.event_id, levels - 1)
  }
}

const fillNext = defineWrite(
  'relations.fillNext',
  async (tx, { span }: { readonly span: number }): Promise<boolean> => {
    const filled = await tx.first(filledUpTo, {})
    if (filled === undefined || filled.up_to >= filled.last) return false
    const upTo = Math.min(filled.last, filled.up_to + span)
    for (const row of await tx.all(unfilled, { after: filled.up_to, upTo })) {
      const { content } = JSON.parse(row.json) as { readonly content?: unknown }
      const named = isJsonObject(content) ? content : {}
      const relation = newRelation({ type: row.type, stateKey: row.state_key ?? undefined, content: named })
      if (relation === undefined) continue
      await storeRelation(tx, { ...row, relation })
      await linkNewer(tx, row.room, row.event_id, 2)
    }
    await tx.run(fillOnFrom, { upTo })
    return upTo < filled.last
  },
)

export const relationWrites = [fillNext]

export const relationsWriter: RelationsWriter = { fillNext: (span) => fillNext({ span }) }
