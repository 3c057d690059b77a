import { sql } from 'kysely'
import type { ServerName, UserId } from '#spec'
import type { PeopleElsewhereWriter, PersonToAsk, ProfileElsewhere } from '../../ports/search/people-elsewhere.ts'
import { defineWrite, type Tx } from '../engine/index.ts'
import { serverNumbers } from '../rooms/servers/server-numbers.ts'
import { namesRow } from './names.ts'
import { membersAfter, membersOfRoomAfter } from './people-elsewhere-members.ts'
import { query } from './people-elsewhere-tables.ts'
import { ASK_AGAIN_MS, insertNames, takePeople } from './people-elsewhere-taking.ts'

const MEMBERS_AT_ONCE = 100
const SWEPT_AT_ONCE = 200

const progressNow = query((db) =>
  db.selectFrom('people_elsewhere_progress').select(['position', 'user_number', 'swept', 'kept']),
)
const setProgress = query((db, param: { position: number; user: number; kept: number }) =>
  db
    .updateTable('people_elsewhere_progress')
    .set({ position: param.position, user_number: param.user, kept: param.kept }),
)
const nextRoom = query((db) =>
  db.selectFrom('rooms_to_name').select(['room', 'position', 'user_number']).orderBy('room').limit(1),
)
const setRoom = query((db, param: { room: number; position: number; user: number }) =>
  db
    .updateTable('rooms_to_name')
    .set({ position: param.position, user_number: param.user })
    .where('room', '=', param.room),
)
const takeRoom = query((db, param: { room: number }) => db.deleteFrom('rooms_to_name').where('room', '=', param.room))

type Seen = Parameters<PeopleElsewhereWriter['see']>[0]

/** A slice of the room that comes next, or of the new memberships where none does. */
const see = defineWrite('peopleElsewhere.see', async (tx, { own, nowMs, limits }: Seen) => {
  const server = (await serverNumbers(tx, [own])).get(own) ?? 0
  const now = await tx.first(progressNow, {})
  if (now === undefined) throw new Error('the progress of people elsewhere is gone')
  const room = await tx.first(nextRoom, {})
  const from = room ?? now
  const after = { position: from.position, user: from.user_number, limit: MEMBERS_AT_ONCE, server }
  const members = await (room === undefined
    ? tx.all(membersAfter, after)
    : tx.all(membersOfRoomAfter, { ...after, room: room.room }))
  const { added, asks } = await takePeople(tx, members, { own, nowMs, limits, kept: now.kept })
  const last = members.at(-1)
  const isEnd = members.length < MEMBERS_AT_ONCE
  if (room !== undefined) {
    if (isEnd || last === undefined) await tx.run(takeRoom, room)
    else await tx.run(setRoom, { room: room.room, position: last.position, user: last.user_number })
  }
  const reached = room === undefined && last !== undefined ? last : now
  if (reached !== now || added > 0)
    await tx.run(setProgress, { position: reached.position, user: reached.user_number, kept: now.kept + added })
  return { more: room !== undefined || !isEnd, asks }
})

const personNow = query((db, param: { user: number }) =>
  db.selectFrom('people_elsewhere').select(['display_name', 'wanted_at']).where('user_number', '=', param.user),
)
const setAsked = query((db, param: { user: number; nowMs: number; askAtMs: number | null }) =>
  db
    .updateTable('people_elsewhere')
    .set({ asked_ms: param.nowMs, ask_at_ms: param.askAtMs, failures: 0 })
    .where('user_number', '=', param.user),
)
const setProfile = query((db, param: { user: number; name: string | null; avatarUrl: string | null }) =>
  db
    .updateTable('people_elsewhere')
    .set({ display_name: param.name, avatar_url: param.avatarUrl })
    .where('user_number', '=', param.user),
)

const takeNames = query((db, param: { users: readonly number[] }, { integers }) =>
  db.deleteFrom('user_names_elsewhere').where('user_number', 'in', integers(param.users)),
)

interface Answered {
  readonly person: PersonToAsk
  readonly profile: ProfileElsewhere | undefined
  readonly nowMs: number
}

const answered = defineWrite('peopleElsewhere.answered', async (tx, { person, profile, nowMs }: Answered) => {
  const { userId, wantedAt } = person
  const user = await tx.userNumber(userId)
  const now = await tx.first(personNow, { user })
  if (now === undefined) return
  await tx.run(setAsked, { user, nowMs, askAtMs: now.wanted_at === wantedAt ? null : nowMs + ASK_AGAIN_MS })
  if (profile === undefined) return
  const { displayName, avatarUrl } = profile
  await tx.run(setProfile, { user, name: displayName ?? null, avatarUrl: avatarUrl ?? null })
  if ((displayName ?? null) === now.display_name) return
  await tx.run(takeNames, { users: [user] })
  await tx.insertMany(insertNames, [namesRow({ user, userId, name: displayName })])
})

const setLater = query((db, param: { user: number; failures: number; atMs: number }) =>
  db
    .updateTable('people_elsewhere')
    .set({ ask_at_ms: param.atMs, failures: param.failures })
    .where('user_number', '=', param.user),
)
const askLater = defineWrite(
  'peopleElsewhere.askLater',
  async (tx, { userId, failures, atMs }: { userId: UserId; failures: number; atMs: number }) => {
    await tx.run(setLater, { user: await tx.userNumber(userId), failures, atMs })
  },
)

const setServerAsked = query((db, param: { server: number; nowMs: number }) =>
  db
    .updateTable('name_servers')
    .set((of) => {
      const least = of
        .selectFrom('people_elsewhere as n')
        .select((inner) =>
          sql<number>`case when ${inner.fn.min('n.ask_at_ms')} < ${param.nowMs} then ${param.nowMs} else ${inner.fn.min('n.ask_at_ms')} end`.as(
            'at',
          ),
        )
        .where('n.server', '=', param.server)
        .where('n.ask_at_ms', 'is not', null)
      return { ask_at_ms: least as never, failures: 0 }
    })
    .where('server', '=', param.server),
)
const setServerLater = query((db, param: { server: number; failures: number; atMs: number }) =>
  db
    .updateTable('name_servers')
    .set({ ask_at_ms: param.atMs, failures: param.failures })
    .where('server', '=', param.server),
)

const numberOf = async (tx: Tx, server: ServerName): Promise<number> =>
  (await serverNumbers(tx, [server])).get(server) ?? 0

const askedServer = defineWrite(
  'peopleElsewhere.askedServer',
  async (tx, { server, nowMs }: { server: ServerName; nowMs: number }) => {
    await tx.run(setServerAsked, { server: await numberOf(tx, server), nowMs })
  },
)
const askServerLater = defineWrite(
  'peopleElsewhere.askServerLater',
  async (tx, { server, failures, atMs }: { server: ServerName; failures: number; atMs: number }) => {
    await tx.run(setServerLater, { server: await numberOf(tx, server), failures, atMs })
  },
)

const peopleAfter = query((db, param: { after: number; limit: number; server: number }) =>
  db
    .selectFrom('people_elsewhere as n')
    .select(['n.user_number', 'n.server'])
    .select((of) =>
      of
        .exists(
          of
            .selectFrom('memberships as m')
            .innerJoin('room_servers as r', 'r.room', 'm.room')
            .select('m.room')
            .whereRef('m.user_number', '=', 'n.user_number')
            .where('m.membership', '=', 'join')
            .where('r.server', '=', param.server),
        )
        .as('shares'),
    )
    .where('n.user_number', '>', param.after)
    .orderBy('n.user_number')
    .limit(param.limit),
)
const takePerson = query((db, param: { users: readonly number[] }, { integers }) =>
  db.deleteFrom('people_elsewhere').where('user_number', 'in', integers(param.users)),
)
const countLess = query((db, param: { server: number; removed: number }) =>
  db
    .updateTable('name_servers')
    .set({ kept: sql<number>`kept - ${param.removed}` })
    .where('server', '=', param.server),
)
const takeServers = query((db, param: { servers: readonly number[] }, { integers }) =>
  db.deleteFrom('name_servers').where('server', 'in', integers(param.servers)).where('kept', '<=', 0),
)
const setSwept = query((db, param: { swept: number; removed: number }) =>
  db.updateTable('people_elsewhere_progress').set({ swept: param.swept, kept: sql<number>`kept - ${param.removed}` }),
)

const sweep = defineWrite('peopleElsewhere.sweep', async (tx, { own }: { own: ServerName }) => {
  const server = await numberOf(tx, own)
  const after = (await tx.first(progressNow, {}))?.swept ?? 0
  const people = await tx.all(peopleAfter, { after, limit: SWEPT_AT_ONCE, server })
  const gone = people.filter(({ shares }) => !shares)
  const users = gone.map((person) => person.user_number)
  if (users.length > 0) {
    await tx.run(takePerson, { users })
    await tx.run(takeNames, { users })
  }
  const byServer = Map.groupBy(gone, (person) => person.server)
  for (const [of, removed] of byServer) await tx.run(countLess, { server: of, removed: removed.length })
  if (byServer.size > 0) await tx.run(takeServers, { servers: [...byServer.keys()] })
  const swept = people.length < SWEPT_AT_ONCE ? 0 : (people.at(-1)?.user_number ?? 0)
  if (swept !== after || users.length > 0) await tx.run(setSwept, { swept, removed: users.length })
  return { removed: users.length }
})

export const peopleElsewhereWrites = [see, answered, askLater, askedServer, askServerLater, sweep]

export const peopleElsewhereWriter: PeopleElsewhereWriter = {
  see,
  answered,
  askLater: (userId, failures, atMs) => askLater({ userId, failures, atMs }),
  askedServer: (server, nowMs) => askedServer({ server, nowMs }),
  askServerLater: (server, failures, atMs) => askServerLater({ server, failures, atMs }),
  sweep: (own) => sweep({ own }),
}
