import { type Kysely, sql } from 'kysely'
import type { ServerName } from '#spec'
import type { BehindDestination, FederationOutReader, OutgoingEvent } from '../../ports/federation/federation-out.ts'
import type { Db } from '../engine/index.ts'
import { type FederationOutTables, query } from './tables.ts'

const progress = query((db) => db.selectFrom('federation_progress').select('position'))

const behindPage = query((db, param: { after: string; limit: number }) =>
  db
    .selectFrom('destinations_behind as d')
    .innerJoin('servers as s', 's.server', 'd.server')
    .select(['s.name', 'd.position', 'd.failures', 'd.failing_since', 'd.retry_at', 'd.last_success'])
    .where('s.name', '>', param.after as ServerName)
    .orderBy('s.name')
    .limit(param.limit),
)

const selectOutgoing = (db: Kysely<FederationOutTables>) =>
  db
    .selectFrom('events as e')
    .innerJoin('users as u', 'u.user_number', 'e.sender')
    .leftJoin('forwarded_events as f', 'f.event_id', 'e.event_id')
    .leftJoin('events as old', 'old.event', 'e.replaces')
    .select([
      'e.event as position',
      'e.event_id as eventId',
      'e.room',
      'e.type',
      'e.state_key',
      'u.user_id as sender',
      'e.json',
      'old.json as old_json',
    ])

/** By users whose ids end in `own`, or forwarded. */
const goesOut = (own: string) => sql<boolean>`(u.user_id like ${own} or f.event_id is not null)`

interface Range {
  readonly after: number
  readonly upTo: number
  readonly own: string
  readonly limit: number
}
const outgoingOfRooms = query((db, param: Range & { rooms: readonly number[] }, { integers }) =>
  selectOutgoing(db)
    .where('e.room', 'in', integers(param.rooms))
    .where('e.position', '>', param.after)
    .where('e.position', '<=', param.upTo)
    .where(goesOut(param.own))
    .orderBy('e.position')
    .limit(param.limit),
)

const roomsOfStretch = query((db, param: { after: number; upTo: number }) =>
  db.selectFrom('events').select('room').distinct().where('event', '>', param.after).where('event', '<=', param.upTo),
)

/** Goes through the stream, and asks of each event whether the server was in its room. The caller keeps the stretch short. */
const outgoingToServer = query((db, param: Range & { server: ServerName; theirs: string }) =>
  selectOutgoing(db)
    .innerJoin('servers as s', (join) => join.on('s.name', '=', param.server))
    .where('e.event', '>', param.after)
    .where('e.event', '<=', param.upTo)
    .where(goesOut(param.own))
    .where(sql<boolean>`u.user_id not like ${param.theirs}`)
    .where((is) =>
      is.or([
        is.exists(
          is
            .selectFrom('room_servers as r')
            .select('r.room')
            .whereRef('r.room', '=', 'e.room')
            .whereRef('r.server', '=', 's.server')
            .whereRef('r.since', '<', 'e.event'),
        ),
        is.exists(
          is
            .selectFrom('past_room_servers as p')
            .select('p.room')
            .whereRef('p.room', '=', 'e.room')
            .whereRef('p.server', '=', 's.server')
            .whereRef('p.since', '<', 'e.event')
            .whereRef('p.until', '>=', 'e.event'),
        ),
      ]),
    )
    .orderBy('e.event')
    .limit(param.limit),
)

const newestToServer = query((db, param: { server: ServerName; theirs: string; after: number; limit: number }) =>
  selectOutgoing(db)
    .innerJoin('outgoing_rooms as o', 'o.position', 'e.event')
    .innerJoin('room_servers as r', 'r.room', 'o.room')
    .innerJoin('servers as s', 's.server', 'r.server')
    .where('s.name', '=', param.server)
    .whereRef('o.position', '>', 'r.since')
    .where('o.position', '>', param.after)
    .where(sql<boolean>`u.user_id not like ${param.theirs}`)
    .orderBy('o.position')
    .limit(param.limit),
)

const serversOfEdus = query((db, param: { after: number; upTo: number }) =>
  db
    .selectFrom('waiting_edus as w')
    .innerJoin('servers as s', 's.server', 'w.server')
    .select('s.name')
    .distinct()
    .where('w.edu', '>', param.after)
    .where('w.edu', '<=', param.upTo),
)

const edusOfServer = query((db, param: { server: ServerName; limit: number }) =>
  db
    .selectFrom('servers as s')
    .innerJoin('waiting_edus as w', 'w.server', 's.server')
    .innerJoin('outgoing_edus as o', 'o.edu', 'w.edu')
    .select(['o.edu', 'o.json'])
    .where('s.name', '=', param.server)
    .orderBy('w.edu')
    .limit(param.limit),
)

type OutgoingRow = Omit<OutgoingEvent, 'stateKey' | 'replacedJson'> & {
  readonly state_key: string | null
  readonly old_json: string | null
}

const toOutgoing = ({ state_key, old_json, ...rest }: OutgoingRow): OutgoingEvent => ({
  ...rest,
  stateKey: state_key ?? undefined,
  replacedJson: old_json ?? undefined,
})

/** Matches the ids of a server's users; a server name has none of the signs that mean something in a pattern. */
const usersOf = (server: ServerName): string => `%:${server}`

export const federationOutReader = (db: Db): FederationOutReader => ({
  progress: async () => (await db.first(progress, {}))?.position ?? 0,

  behind: async (after, limit) => {
    const rows = await db.all(behindPage, { after, limit })
    return rows.map(
      (row): BehindDestination => ({
        server: row.name,
        position: row.position,
        failures: row.failures,
        failingSinceMs: row.failing_since,
        retryAtMs: row.retry_at ?? undefined,
        lastSuccessMs: row.last_success ?? undefined,
      }),
    )
  },

  outgoingIn: async (rooms, { own, ...range }) =>
    (await db.all(outgoingOfRooms, { rooms, ...range, own: usersOf(own) })).map(toOutgoing),

  roomsBetween: async (after, upTo) => (await db.longAll(roomsOfStretch, { after, upTo })).map(({ room }) => room),

  outgoingTo: async (server, { own, ...range }) => {
    const rows = await db.longAll(outgoingToServer, { server, ...range, own: usersOf(own), theirs: usersOf(server) })
    return rows.map(toOutgoing)
  },

  newestTo: async (server, after, limit) =>
    (await db.longAll(newestToServer, { server, after, limit, theirs: usersOf(server) })).map(toOutgoing),

  serversWithEdus: async (after, upTo) => (await db.longAll(serversOfEdus, { after, upTo })).map(({ name }) => name),

  waitingEdus: (server, limit) => db.all(edusOfServer, { server, limit }),
})
