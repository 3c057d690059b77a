import { sql } from 'kysely'
import { type EventId, MEMBERSHIPS, objectAt, stringAt, type UserId } from '#spec'
import type { EventNumber } from '../../ports/rooms/events.ts'
import type { PriorServerMembers, ServerMembersReader } from '../../ports/rooms/server-members.ts'
import type { Db } from '../engine/index.ts'
import { query } from './tables.ts'

/** Ends of the state keys of a server's users. Both databases count characters of the whole text, so no pattern has to be escaped. */
const endsIn = (column: 's.state_key' | 'd.state_key', ending: string, length: number) =>
  sql<boolean>`substr(${sql.ref(column)}, length(${sql.ref(column)}) - ${length} + 1) = ${ending}`

interface Ending {
  /** `:server`. */
  readonly ending: string
  readonly length: number
}

/** Server names are ASCII. */
const endingOf = (server: string): Ending => ({ ending: `:${server}`, length: server.length + 1 })

const stays = query((db, param: Ending & { room: number; userId: string; from: number; limit: number }) =>
  db
    .selectFrom('state_log as s')
    .select(['s.state_key as userId', 's.membership', 's.position as from', 's.until_position as until'])
    .where('s.room', '=', param.room)
    .where('s.type', '=', 'm.room.member')
    .where(sql<boolean>`(s.state_key, s.position) > (${param.userId}, ${param.from})`)
    .where('s.membership', 'in', ['join', 'invite'])
    .where(endsIn('s.state_key', param.ending, param.length))
    .orderBy('s.state_key')
    .orderBy('s.position')
    .limit(param.limit),
)

const placesOf = query((db, param: { events: readonly number[] }, { integers }) =>
  db.selectFrom('events').select(['event', 'position', 'prior_at']).where('event', 'in', integers(param.events)),
)

const differing = query((db, param: Ending & { events: readonly number[] }, { integers }) =>
  db
    .selectFrom('prior_differences as d')
    .leftJoin('events as e', 'e.event', 'd.state_event')
    .select(['d.event', 'd.state_key as userId', 'e.json'])
    .where('d.event', 'in', integers(param.events))
    .where('d.type', '=', 'm.room.member')
    .where(endsIn('d.state_key', param.ending, param.length)),
)

const entriesInForce = query((db, param: { room: number; eventIds: readonly EventId[] }, { texts }) =>
  db
    .selectFrom('events as e')
    .innerJoin('state_log as s', (join) =>
      join
        .onRef('s.room', '=', 'e.room')
        .onRef('s.type', '=', 'e.type')
        .onRef('s.state_key', '=', 'e.state_key')
        .onRef('s.event', '=', 'e.event'),
    )
    .select('e.event_id')
    .where('e.event_id', 'in', texts(param.eventIds))
    .where('e.room', '=', param.room)
    .where('s.until_position', 'is', null),
)

/** `prior_differences` names the events of a state and not what they say, as few events have any. */
const membershipIn = (json: string | null): (typeof MEMBERSHIPS)[number] | undefined => {
  const content = json === null ? undefined : objectAt(JSON.parse(json), 'content')
  const membership = content && stringAt(content, 'membership')
  return MEMBERSHIPS.find((known) => known === membership)
}

export const serverMembersReader = (db: Db): ServerMembersReader => ({
  staysOfServer: async (room, server, after, limit) => {
    const place = { userId: after?.userId ?? '', from: after?.from ?? 0 }
    const rows = await db.longAll(stays, { ...endingOf(server), room, ...place, limit })
    return rows.map(({ userId, membership, from, until }) => ({
      userId: userId as UserId,
      membership: membership === 'join' ? 'join' : 'invite',
      from,
      until: until ?? undefined,
    }))
  },

  membersOfServerBefore: async (events, server) => {
    const found = new Map<EventNumber, { at: number | undefined; differs: PriorServerMembers['differs'][number][] }>()
    for (const { event, position, prior_at } of await db.all(placesOf, { events }))
      found.set(event, { at: prior_at ?? (position === null ? undefined : position - 1), differs: [] })
    for (const { event, userId, json } of await db.all(differing, { events, ...endingOf(server) }))
      found.get(event)?.differs.push({ userId: userId as UserId, membership: membershipIn(json) })
    return found
  },

  inCurrentState: async (room, eventIds) =>
    new Set((await db.all(entriesInForce, { room, eventIds })).map(({ event_id }) => event_id)),
})
