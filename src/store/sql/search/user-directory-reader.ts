import { type Kysely, sql } from 'kysely'
import { gramsFor } from '#base'
import type { ServerName, UserId } from '#spec'
import type { NamedUser, UserDirectoryReader } from '../../ports/search/user-directory.ts'
import { type Db, perDialect, queriesOver } from '../engine/index.ts'
import type { RoomTables } from '../rooms/tables.ts'
import type { NameTables } from './names.ts'
import type { PeopleElsewhereTables } from './people-elsewhere-tables.ts'

type Tables = Omit<RoomTables, 'users'> &
  NameTables &
  PeopleElsewhereTables & {
    /** SQLite only: the indexes over the names, which triggers keep. */
    readonly user_names_index: { readonly rowid: number; readonly user_names_index: string }
    readonly user_names_elsewhere_index: { readonly rowid: number; readonly user_names_elsewhere_index: string }
  }

const query = queriesOver<Tables>()

/**
 * People of this server and those of others have tables and indexes of their own, so that a search among the former costs the same however many of the latter there are.
 */
const PLACES = ['here', 'elsewhere'] as const
type Place = (typeof PLACES)[number]

/** A query for each place. */
const ofEach = <Made>(make: (place: Place) => Made): Readonly<Record<Place, Made>> => ({
  here: make('here'),
  elsewhere: make('elsewhere'),
})

/** The tables of both places have the same columns. */
const namesAt = (place: Place): 'user_names' =>
  (place === 'here' ? 'user_names' : 'user_names_elsewhere') as 'user_names'
const indexAt = (place: Place): 'user_names_index' =>
  (place === 'here' ? 'user_names_index' : 'user_names_elsewhere_index') as 'user_names_index'

/** A viewer who can see no more users than this is answered from these, and else from all whose names fit. */
const FEW = 5_000
/** The most users whose names fit that one question looks at, and that it answers with. */
const LOOKED_AT = 2_000
const ANSWERED = 500
/** Of a longer question the shorter words are left to whoever asks. */
const MAX_WORDS = 3
const MAX_GRAMS = 20

interface ViewParams {
  readonly viewer: number
}

const membersSeen = query((db, param: ViewParams & { limit: number }) =>
  db
    .selectFrom(
      db
        .selectFrom('memberships as mine')
        .innerJoin('rooms as r', 'r.room', 'mine.room')
        .select('r.joined_count as members')
        .where('mine.user_number', '=', param.viewer)
        .where('mine.membership', '=', 'join')
        .unionAll(
          db
            .selectFrom(
              db
                .selectFrom('open_rooms as o')
                .innerJoin('rooms as r', 'r.room', 'o.room')
                .select('r.joined_count as members')
                .limit(param.limit)
                .as('open'),
            )
            .select('open.members'),
        )
        .as('seen'),
    )
    .select(sql<number>`coalesce(sum(members), 0)`.as('members')),
)

interface NameParams extends ViewParams {
  readonly own: ServerName
  readonly first: string
  readonly second: string
  readonly third: string
  readonly limit: number
}

/** The open rooms that this server is in: of others it does not hear who leaves them. */
const openRooms = (db: Pick<Kysely<Tables>, 'selectFrom'>, own: ServerName) =>
  db
    .selectFrom('open_rooms as open')
    .select('open.room')
    .where((of) =>
      of.exists(
        of
          .selectFrom('room_servers as here')
          .innerJoin('servers as self', 'self.server', 'here.server')
          .select('here.room')
          .whereRef('here.room', '=', 'open.room')
          .where('self.name', '=', own),
      ),
    )

/** Users whose names fit and who may be found at all: accounts that are in use, people of other servers, and oneself only as everybody else would find one. */
const whoseNamesFit = (db: Kysely<Tables>, param: NameParams, place: Place) =>
  db
    .selectFrom(`${namesAt(place)} as n`)
    .leftJoin('accounts as a', 'a.user_number', 'n.user_number')
    .leftJoin('people_elsewhere as e', 'e.user_number', 'n.user_number')
    .innerJoin('users as u', 'u.user_number', 'n.user_number')
    .select(['u.user_id', 'n.names', 'e.server', 'e.display_name', 'e.avatar_url'])
    .where((of) =>
      of.or([
        of('n.user_number', '!=', param.viewer),
        of.exists(
          of
            .selectFrom('memberships as own')
            .innerJoin('open_rooms as public', 'public.room', 'own.room')
            .select('own.room')
            .where('own.user_number', '=', param.viewer)
            .where('own.membership', '=', 'join'),
        ),
      ]),
    )
    .where('a.deactivated_ms', 'is', null)
    .where('a.locked_ms', 'is', null)
    .where(sql<boolean>`n.names like ${param.first} escape '!'`)
    .where(sql<boolean>`n.names like ${param.second} escape '!'`)
    .where(sql<boolean>`n.names like ${param.third} escape '!'`)

/** Everybody in the viewer's rooms and in the open ones, held against the names one by one. */
const namedAmongFew = ofEach((place) =>
  query((db, param: NameParams) =>
    whoseNamesFit(db, param, place)
      .where('n.user_number', 'in', (of) =>
        of
          .selectFrom('memberships as theirs')
          .select('theirs.user_number')
          .where('theirs.membership', '=', 'join')
          .where('theirs.room', 'in', (rooms) =>
            rooms
              .selectFrom('memberships as mine')
              .select('mine.room')
              .where('mine.user_number', '=', param.viewer)
              .where('mine.membership', '=', 'join')
              .union(openRooms(db, param.own)),
          ),
      )
      .orderBy('n.user_number')
      .limit(param.limit),
  ),
)

interface IndexParams extends NameParams {
  readonly match: string
  readonly question: string
  readonly everybody: number
  readonly most: number
}

const fit = ofEach((place) =>
  perDialect<IndexParams, { readonly user_number: number }>({
    sqlite: query((db, param: IndexParams) =>
      db
        .selectFrom(`${indexAt(place)} as i`)
        .select('i.rowid as user_number')
        .where(sql<boolean>`${sql.ref(`i.${indexAt(place)}`)} match ${param.match}`)
        .limit(param.most),
    ),
    postgres: query((db, param: IndexParams) =>
      db
        .selectFrom(`${namesAt(place)} as i`)
        .select('i.user_number')
        .where(sql<boolean>`array_to_tsvector(string_to_array(i.grams, ' ')) @@ ${param.question}::tsquery`)
        .limit(param.most),
    ),
  }),
)

const namedOf = ofEach((place) =>
  query((db, param: IndexParams & { users: readonly number[] }, { integers }) =>
    whoseNamesFit(db, param, place)
      .where('n.user_number', 'in', integers(param.users))
      .where((of) =>
        of.or([
          ...(place === 'here' ? [of(sql<number>`${param.everybody}`, '=', 1)] : []),
          of.exists(
            of
              .selectFrom('memberships as theirs')
              .select('theirs.room')
              .whereRef('theirs.user_number', '=', 'n.user_number')
              .where('theirs.membership', '=', 'join')
              .where((room) =>
                room.or([
                  room.exists(openRooms(db, param.own).whereRef('open.room', '=', 'theirs.room' as never)),
                  room.exists(
                    room
                      .selectFrom('memberships as mine')
                      .select('mine.room')
                      .where('mine.user_number', '=', param.viewer)
                      .whereRef('mine.room', '=', 'theirs.room')
                      .where('mine.membership', '=', 'join'),
                  ),
                ]),
              ),
          ),
        ]),
      )
      .limit(param.limit),
  ),
)

const patternOf = (word: string | undefined): string =>
  word === undefined ? '%' : `%${word.replaceAll(/[!%_]/g, '!$&')}%`

interface FoundRow {
  readonly user_id: string
  readonly names: string
  /** Null for users of this server. */
  readonly server: number | null
  readonly display_name: string | null
  readonly avatar_url: string | null
}

const toUser = ({ user_id, names, server, display_name: name, avatar_url: avatarUrl }: FoundRow): NamedUser => ({
  userId: user_id as UserId,
  names,
  elsewhere: server === null ? undefined : { displayName: name ?? undefined, avatarUrl: avatarUrl ?? undefined },
})

const oneFormer = queriesOver<{ readonly user_names: { readonly user_number: number; readonly former: string } }>()(
  (db) => db.selectFrom('user_names').select('user_number').where('former', '!=', sql.lit('')).limit(1),
)

const LOOKS = PLACES.flatMap((place) => [true, false].map((isStart) => ({ place, isStart })))

type Found = Awaited<ReturnType<UserDirectoryReader['named']>>

export const userDirectoryReader = (db: Db): UserDirectoryReader => {
  const amongFew = async (params: NameParams): Promise<Found> => {
    const users: NamedUser[] = []
    for (const place of PLACES) {
      users.push(...(await db.longAll(namedAmongFew[place], params)).map(toUser))
      if (users.length >= ANSWERED) return { users, isCut: true }
    }
    return { users, isCut: false }
  }

  /** Users with a word that begins so, and if these are few, users with the words anywhere; those of this server first. */
  const amongAll = async (params: NameParams, words: readonly string[], everybody: boolean): Promise<Found> => {
    const users = new Map<UserId, NamedUser>()
    let isCut = false
    for (const { place, isStart } of LOOKS) {
      const grams = words.flatMap((word, index) => gramsFor(word, isStart && index === 0)).slice(0, MAX_GRAMS)
      if (grams.length === 0) continue
      if (users.size >= ANSWERED) break
      const asked = {
        ...params,
        match: grams.map((gram) => `"${gram}"`).join(' AND '),
        question: grams.map((gram) => `'${gram}'`).join(' & '),
        everybody: everybody ? 1 : 0,
        most: LOOKED_AT,
      }
      const found = await db.longAll(fit[place], asked)
      const numbers = found.map(({ user_number: user }) => user)
      const named = numbers.length === 0 ? [] : await db.longAll(namedOf[place], { ...asked, users: numbers })
      for (const user of named.map(toUser)) users.set(user.userId, user)
      isCut ||= found.length >= LOOKED_AT || users.size >= ANSWERED
    }
    return { users: [...users.values()], isCut }
  }

  return {
    hasFormer: async () => (await db.first(oneFormer, {})) !== undefined,
    named: async ({ words: all, viewer, everybody, own }) => {
      // The server's name in a user id is left to whoever asks: it would fit everybody.
      const words = all.map((word) => word.split(':')[0] ?? '').filter((word) => word !== '')
      if (words.length === 0) return { users: [], isCut: false }
      const [first, second, third] = words.slice(0, MAX_WORDS).map(patternOf)
      const any = patternOf(undefined)
      const params = { viewer, own, first: first ?? any, second: second ?? any, third: third ?? any, limit: ANSWERED }
      if (everybody) return amongAll(params, words, true)
      const [seen] = await db.longAll(membersSeen, { viewer, limit: FEW })
      return Number(seen?.members ?? 0) <= FEW ? amongFew(params) : amongAll(params, words, false)
    },
  }
}
