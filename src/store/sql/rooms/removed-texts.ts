import type { EventId } from '#spec'
import type { EventNumber } from '../../ports/rooms/events.ts'
import type { Tx } from '../engine/index.ts'
import { query } from './tables.ts'

const numberOf = query((db, param: { room: number; eventId: EventId }) =>
  db.selectFrom('events').select('event').where('event_id', '=', param.eventId).where('room', '=', param.room),
)
const takeText = query((db, param: { event: EventNumber }) =>
  db.deleteFrom('search_texts').where('event', '=', param.event),
)
const takeEdit = query((db, param: { event: EventNumber }) =>
  db.deleteFrom('search_edits').where('event', '=', param.event).returning('original'),
)
const takeEditsOf = query((db, param: { original: EventNumber }) =>
  db.deleteFrom('search_edits').where('original', '=', param.original),
)
const indexAgain = query((db, param: { event: EventNumber }) =>
  db
    .insertInto('search_again')
    .values({ event: param.event })
    .onConflict((on) => on.column('event').doNothing()),
)

/**
 * Takes a redacted event out of the index of messages, in the transaction that redacts it. If it was an edit, the text before it is indexed again: at
 * once the new text is gone, the old one follows.
 */
export const removeRedactedText = async (tx: Tx, room: number, eventId: EventId): Promise<void> => {
  const event = (await tx.first(numberOf, { room, eventId }))?.event
  if (event === undefined) return
  await tx.run(takeText, { event })
  await tx.run(takeEditsOf, { original: event })
  const original = (await tx.first(takeEdit, { event }))?.original
  if (original === undefined) return
  await tx.run(takeText, { event: original })
  await tx.run(indexAgain, { event: original })
}
