import { sql } from 'kysely'
import { type EventId, MEMBERSHIPS, objectAt, stringAt, type UserId } from '#spec'
import type { EventNumber } from '../../../ports/rooms/events.ts'
import type { PriorServerMembers, ServerMembersReader } from '../../../ports/rooms/server-members.ts'
import type { Db } from '../../engine/index.ts'
import { branchChains } from '../state/branch-reader.ts'
import { query } from '../tables.ts'

/** Ends of the state keys of a server's users. Both databases count characters of the whole text, so no pattern has to be escaped. */
const endsIn = (column: 's.state_key' | 'b.state_key', ending: string, length: number) =>
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
  db
    .selectFrom('events')
    .select(['event', 'position', 'prior_at', 'prior_state'])
    .where('event', 'in', integers(param.events)),
)

const differing = query((db, param: Ending & { states: readonly number[] }, { integers }) =>
  db
    .selectFrom('branch_entries as b')
    .leftJoin('events as e', 'e.event', 'b.event')
    .select(['b.state', 'b.state_key as userId', 'e.json'])
    .where('b.state', 'in', integers(param.states))
    .where('b.type', '=', 'm.room.member')
    .where(endsIn('b.state_key', param.ending, param.length)),
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

/** States of branches name their events and not what these say. */
const membershipIn = (json: string | null): (typeof MEMBERSHIPS)[number] | undefined => {
  const content = json === null ? undefined : objectAt(JSON.parse(json), 'content')
  const membership = content && stringAt(content, 'membership')
  return MEMBERSHIPS.find((known) => known === membership)
}

/** The members of a server in which states of branches differ from the log, by the numbers of the states. */
const membersInBranches = async (
  db: Db,
  server: string,
  states: readonly number[],
): Promise<ReadonlyMap<number, PriorServerMembers['differs']>> => {
  const chains = await branchChains(db, states)
  if (chains.size === 0) return new Map()
  const all = [...new Set([...chains.values()].flat())]
  const rows = await db.longAll(differing, { states: all, ...endingOf(server) })
  const byState = Map.groupBy(rows, ({ state }) => state)
  const found = new Map<number, PriorServerMembers['differs']>()
  for (const [state, chain] of chains) {
    const members = new Map<string, string | null>()
    for (const one of chain)
      for (const { userId, json } of byState.get(one) ?? []) if (!members.has(userId)) members.set(userId, json)
    found.set(
      state,
      [...members].map(([userId, json]) => ({ userId: userId as UserId, membership: membershipIn(json) })),
    )
  }
  return found
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
    const places = await db.all(placesOf, { events })
    const differences = await membersInBranches(
      db,
      server,
      places.flatMap(({ prior_state }) => prior_state ?? []),
    )
    return new Map(
      places.map(({ event, position, prior_at, prior_state }): [EventNumber, PriorServerMembers] => {
        const at = prior_at ?? (position === null ? undefined : position - 1)
        return [event, { at, differs: (prior_state === null ? undefined : differences.get(prior_state)) ?? [] }]
      }),
    )
  },

  inCurrentState: async (room, eventIds) =>
    new Set((await db.all(entriesInForce, { room, eventIds })).map(({ event_id }) => event_id)),
})
