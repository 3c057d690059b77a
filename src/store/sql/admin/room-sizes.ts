import { sql } from 'kysely'
import type { RoomId } from '#spec'
import type { RoomSizesReader } from '../../ports/admin/room-sizes.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { RoomTables } from '../rooms/tables.ts'

const query = queriesOver<RoomTables>()

const ends = query((db) =>
  db
    .selectFrom('events')
    .select(({ fn }) => [fn.min<number | null>('event').as('first'), fn.max<number | null>('event').as('last')]),
)
const weighed = query((db, param: { events: readonly number[] }, { integers }) =>
  db
    .selectFrom('events as e')
    .innerJoin('rooms as r', 'r.room', 'e.room')
    .select(['r.room_id', sql<number>`sum(length(e.json))`.as('bytes')])
    .where('e.event', 'in', integers(param.events))
    .groupBy('r.room_id'),
)

const EVENTS_AT_ONCE = 1_000

export const roomSizesReader = (db: Db): RoomSizesReader => ({
  largest: async (limit, samples) => {
    const [end] = await db.longAll(ends, {})
    const { first, last } = { first: end?.first ?? 0, last: end?.last ?? -1 }
    const step = Math.max(1, Math.ceil((last - first + 1) / samples))
    const sizes = new Map<RoomId, number>()
    for (let from = first; from <= last; from += step * EVENTS_AT_ONCE) {
      const count = Math.min(EVENTS_AT_ONCE, Math.floor((last - from) / step) + 1)
      const events = Array.from({ length: count }, (_, index) => from + index * step)
      for (const { room_id: roomId, bytes } of await db.longAll(weighed, { events }))
        sizes.set(roomId, (sizes.get(roomId) ?? 0) + Number(bytes) * step)
    }
    return [...sizes]
      .map(([roomId, bytes]) => ({ roomId, bytes }))
      .sort((one, other) => other.bytes - one.bytes)
      .slice(0, limit)
  },
})
