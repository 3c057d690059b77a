import { type Kysely, sql } from 'kysely'
import type { Membership, UserId } from '#spec'
import type { Query, Tx } from '../../engine/index.ts'
import { query, type RoomTables } from '../tables.ts'

export interface OfRoom {
  readonly room: number
}
export type AtPosition = OfRoom & { readonly position: number }

/** Forgets the gathered entries. */
export const takeGathered = query((db, param: OfRoom) =>
  db.deleteFrom('entering_entries').where('room', '=', param.room),
)

export const LOG_COLUMNS = ['room', 'type', 'state_key', 'position', 'until_position', 'event', 'membership'] as const

/** The columns of an entry that is in force from that position on, with no end. */
export const fromPosition = (position: number) =>
  [sql<number>`cast(${position} as bigint)`.as('position'), sql<null>`cast(null as bigint)`.as('until')] as const

/** Puts in force, from that position on, the gathered entries that have no row in the log: none that is in force, or none at all. */
export const beginEntries = (without: 'current' | 'any') =>
  query((db, param: AtPosition) =>
    db
      .insertInto('state_log')
      .columns(LOG_COLUMNS)
      .expression((of) =>
        of
          .selectFrom('entering_entries as n')
          .select(['n.room', 'n.type', 'n.state_key'])
          .select(fromPosition(param.position))
          .select(['n.event', 'n.membership'])
          .where('n.room', '=', param.room)
          .where((inner) => {
            const held = inner
              .selectFrom('state_log as s')
              .select('s.event')
              .where('s.room', '=', param.room)
              .whereRef('s.type', '=', 'n.type')
              .whereRef('s.state_key', '=', 'n.state_key')
            return inner.not(inner.exists(without === 'any' ? held : held.where('s.until_position', 'is', null)))
          }),
      ),
  )

/** Writes the memberships that are in force from that position on. */
export const setMemberships = query((db, param: AtPosition) =>
  db
    .insertInto('memberships')
    .columns(['user_number', 'room', 'membership', 'position', 'forgotten'])
    .expression((of) =>
      of
        .selectFrom('state_log as s')
        .innerJoin('users as u', 'u.user_id', sql<UserId>`s.state_key` as never)
        .select(['u.user_number', 's.room', sql<Membership>`s.membership`.as('membership'), 's.position'])
        .select(sql<number>`0`.as('forgotten'))
        .where('s.room', '=', param.room)
        .where('s.position', '=', param.position)
        .where('s.type', '=', sql.lit('m.room.member'))
        .where('s.membership', 'is not', null),
    )
    .onConflict((on) =>
      on.columns(['user_number', 'room']).doUpdateSet({
        membership: sql<Membership>`excluded.membership`,
        position: param.position,
        forgotten: 0,
      }),
    ),
)

/** Counts the members and the entries of the state anew. */
export const countMembers = query((db, param: OfRoom) => {
  const count = (membership: Membership) =>
    db
      .selectFrom('memberships')
      .select((of) => of.fn.countAll<number>().as('count'))
      .where('room', '=', param.room)
      .where('membership', '=', membership)
  return db
    .updateTable('rooms')
    .set((of) => ({
      joined_count: count('join') as never,
      invited_count: count('invite') as never,
      state_events: of
        .selectFrom('state_log')
        .select(({ fn }) => fn.countAll<number>().as('entries'))
        .where('room', '=', param.room)
        .where('until_position', 'is', null)
        .where('event', 'is not', null) as never,
    }))
    .where('room', '=', param.room)
})

/** The users whose membership is of that position. */
export const usersAt = query((db, param: AtPosition) =>
  db
    .selectFrom('memberships')
    .select('user_number')
    .where('room', '=', param.room)
    .where('position', '=', param.position),
)

interface Page {
  readonly after: string
  readonly limit: number
}
const JOINS_AT_ONCE = 1_000

/** Selects a page of the joins in a room's log, whenever they were. */
export const selectJoins = (db: Kysely<RoomTables>, param: OfRoom & Page) =>
  db
    .selectFrom('state_log')
    .select('state_key as userId')
    .where('room', '=', param.room)
    .where('type', '=', sql.lit('m.room.member'))
    .where('membership', '=', sql.lit('join'))
    .where('state_key', '>', param.after)
    .orderBy('state_key')
    .limit(param.limit)

/** Calls `take` with each user whom the pages of a query name. */
export const eachJoined = async <Of extends OfRoom>(
  tx: Tx,
  page: Query<Of & Page, { userId: string }>,
  of: Of,
  take: (userId: string) => void,
): Promise<void> => {
  let after = ''
  for (;;) {
    const joins = await tx.all(page, { ...of, after, limit: JOINS_AT_ONCE })
    for (const { userId } of joins) take(userId)
    after = joins.at(-1)?.userId ?? after
    if (joins.length < JOINS_AT_ONCE) return
  }
}
