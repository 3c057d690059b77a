import { sql } from 'kysely'
import type { Membership, UserId } from '#spec'
import { query } from '../tables.ts'

interface OfRoom {
  readonly room: number
}
type AtPosition = OfRoom & { readonly position: number }

/** Forgets the gathered entries. */
export const takeGathered = query((db, param: OfRoom) =>
  db.deleteFrom('entering_entries').where('room', '=', param.room),
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
