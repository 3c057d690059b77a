import { type Kysely, sql } from 'kysely'
import type { UserId } from '#spec'
import { query, type TablesAround } from './people-elsewhere-tables.ts'

/** Longer member events are not looked into: they count as ones that say something else than the profile. */
const READ_LENGTH = 4_096

interface After {
  /** The last membership that was seen. */
  readonly position: number
  readonly user: number
  readonly limit: number
  /** The number of this server. */
  readonly server: number
}

/** The next joined members, in order. */
const joined = (db: Kysely<TablesAround>, param: After) =>
  db
    .selectFrom('memberships')
    .select(['position', 'user_number', 'room'])
    .where('membership', '=', sql.lit('join'))
    .where(sql<boolean>`(position, user_number) > (${param.position}, ${param.user})`)
    .orderBy('position')
    .orderBy('user_number')
    .limit(param.limit)

/** With what is known of each, and of those whose server has answered, the member event. */
const described = (db: Kysely<TablesAround>, members: ReturnType<typeof joined>, server: number) =>
  db
    .selectFrom(members.as('m'))
    .innerJoin('users as u', 'u.user_number', 'm.user_number')
    .leftJoin('room_servers as r', (on) => on.onRef('r.room', '=', 'm.room').on('r.server', '=', server))
    .leftJoin('people_elsewhere as n', 'n.user_number', 'm.user_number')
    .leftJoin('state_log as s', (on) =>
      on
        .on('n.asked_ms', 'is not', null)
        .onRef('s.room', '=', 'm.room')
        .on('s.type', '=', sql.lit('m.room.member'))
        .onRef('s.state_key', '=', 'u.user_id')
        .on('s.until_position', 'is', null),
    )
    .leftJoin('events as e', 'e.event', 's.event')
    .select(['m.position', 'm.user_number', 'u.user_id', 'r.joined as own_joined'])
    .select(['n.server', 'n.display_name', 'n.avatar_url', 'n.asked_ms'])
    .select(sql<string | null>`case when length(e.json) <= ${sql.lit(READ_LENGTH)} then e.json end`.as('json'))
    .orderBy('m.position')
    .orderBy('m.user_number')

/** A joined member, and what is known of them. */
export interface SeenMember {
  readonly position: number
  readonly user_number: number
  readonly user_id: UserId
  /** Null where this server is not in the room. */
  readonly own_joined: number | null
  /** Null for somebody who is not put in. */
  readonly server: number | null
  readonly display_name: string | null
  readonly avatar_url: string | null
  readonly asked_ms: number | null
  readonly json: string | null
}

export const membersAfter = query((db, param: After) => described(db, joined(db, param), param.server))

export const membersOfRoomAfter = query((db, param: After & { room: number }) =>
  described(db, joined(db, param).where('room', '=', param.room), param.server),
)
