import { sql } from 'kysely'
import type { UserId } from '#spec'
import type { EventNumber, RoomNumber } from '../../ports/rooms/events.ts'
import type {
  FoundMessage,
  IndexedText,
  MessageIndexReader,
  MessageQuestion,
} from '../../ports/search/message-index.ts'
import { type Db, perDialect } from '../engine/index.ts'
import { codeOf } from './indexed-text.ts'
import { query, roomWord, senderWord, typeWord } from './tables.ts'
import { windowsBack } from './windows.ts'

/** UTF-16 units of an indexed text that are read to rank it. */
const RANKED_LENGTH = 1_000

interface FoundParams {
  /** SQLite: the question in the language of its index. */
  readonly match: string
  /** PostgreSQL: JSON, the question for each window. */
  readonly windows: string
  readonly after: EventNumber
  readonly before: EventNumber
  readonly limit: number
}
interface FoundRow {
  readonly event: EventNumber
}

/** The index of SQLite goes backwards by itself, and stops where enough is found. */
const foundOnSqlite = query((db, param: FoundParams) =>
  db
    .selectFrom('search_index as i')
    .select('i.rowid as event')
    .where(sql<boolean>`i.search_index match ${param.match}`)
    .where('i.rowid', '>', param.after)
    .where('i.rowid', '<', param.before)
    .orderBy('i.rowid', 'desc')
    .limit(param.limit),
)

/** As the index is defined in migration 0350. */
const INDEXED = sql`array_to_tsvector(string_to_array(t.place || ' ' || t.words || ' §a' || (t.event >> 12)::text || ' §b' || (t.event >> 16)::text || ' §c' || (t.event >> 20)::text, ' '))`

/**
 * The index of PostgreSQL knows no order, so it is asked window by window, and no further than enough is found. Sums of zero keep the planner from walking
 * over all events instead.
 */
const foundOnPostgres = query((db, param: FoundParams) =>
  db
    .selectFrom(
      sql<{
        question: string
        first: number
        behind: number
      }>`json_to_recordset(${param.windows}::json)`.as<'w'>(sql`w(question text, first bigint, behind bigint)`),
    )
    .innerJoinLateral(
      (of) =>
        of
          .selectFrom('search_texts as t')
          .select('t.event')
          .where(sql<boolean>`${INDEXED} @@ w.question::tsquery`)
          .where(sql<boolean>`t.event + 0 >= w.first and t.event + 0 < w.behind`)
          .orderBy(sql`t.event + 0 desc`)
          .limit(param.limit)
          .as('f'),
      (join) => join.onTrue(),
    )
    .select('f.event')
    .limit(param.limit),
)

const found = perDialect<FoundParams, FoundRow>({ sqlite: foundOnSqlite, postgres: foundOnPostgres })

const shownOf = query((db, param: { events: readonly EventNumber[] }, { integers }) =>
  db
    .selectFrom('events as e')
    .innerJoin('users as u', 'u.user_number', 'e.sender')
    .select(['e.event', 'e.event_id as eventId', 'e.room', 'e.type', 'u.user_id as sender'])
    .where('e.event', 'in', integers(param.events)),
)

const textsOf = query((db, param: { events: readonly EventNumber[]; length: number }, { integers }) =>
  db
    .selectFrom('search_texts')
    .select([
      'event',
      sql<string>`substr(words, 1, ${param.length})`.as('words'),
      sql<number>`length(words)`.as('length'),
    ])
    .where('event', 'in', integers(param.events)),
)

const numbers = query((db, param: { users: readonly UserId[] }, { texts }) =>
  db.selectFrom('users').select('user_number').where('user_id', 'in', texts(param.users)),
)

/** One step into the index of entries in force for each room. */
const encrypted = query((db, param: { rooms: readonly RoomNumber[] }, { integers }) =>
  db
    .selectFrom('state_log')
    .select('room')
    .where('room', 'in', integers(param.rooms))
    .where('type', '=', 'm.room.encryption')
    .where('state_key', '=', '')
    .where('until_position', 'is', null)
    .where('event', 'is not', null),
)

interface Signs {
  readonly and: string
  readonly or: string
  quoted(word: string): string
}
const SQLITE: Signs = { and: ' AND ', or: ' OR ', quoted: (word) => `"${word}"` }
const POSTGRES: Signs = { and: ' & ', or: ' | ', quoted: (word) => `'${word}'` }

/** Each list is a list of alternatives. No word has a sign that could mean something: see `indexWords`. */
const questionOf = (lists: readonly (readonly string[])[], { and, or, quoted }: Signs): string =>
  lists
    .map((words) => (words.length === 1 ? '' : '(') + words.map(quoted).join(or) + (words.length === 1 ? '' : ')'))
    .join(and)

const conditionsOf = ({ words, keys, rooms, senders }: MessageQuestion): readonly (readonly string[])[] => [
  ...words.map((word) => [word]),
  keys.map((key) => typeWord(codeOf(key))),
  ...(rooms === undefined ? [] : [rooms.map(roomWord)]),
  ...(senders === undefined ? [] : [senders.map(senderWord)]),
]

const paramsOf = (question: MessageQuestion): FoundParams => {
  const { after, before, limit } = question
  const conditions = conditionsOf(question)
  const windows = windowsBack(after, before).map(({ words, first, behind }) => ({
    question: questionOf([...conditions, words], POSTGRES),
    first,
    behind,
  }))
  return { match: questionOf(conditions, SQLITE), windows: JSON.stringify(windows), after, before, limit }
}

export const messageIndexReader = (db: Db): MessageIndexReader => ({
  found: async (question) => {
    const rows = await db.longAll(found, paramsOf(question))
    const events = rows.map(({ event }) => event)
    if (events.length === 0) return []
    const shown: readonly FoundMessage[] = await db.longAll(shownOf, { events })
    return [...shown].sort((one, other) => other.event - one.event)
  },

  texts: async (events) => {
    const rows = await db.longAll(textsOf, { events, length: RANKED_LENGTH })
    return new Map(rows.map(({ event, words, length }): [EventNumber, IndexedText] => [event, { words, length }]))
  },

  encryptedAmong: async (rooms) => (await db.longAll(encrypted, { rooms })).map(({ room }) => room),

  numbersOf: async (users) => (await db.all(numbers, { users })).map(({ user_number: user }) => user),
})
