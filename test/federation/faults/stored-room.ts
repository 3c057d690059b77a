import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import type { TestHomeserver } from '../../support/homeserver.ts'

/** A room as a server has stored it. */
export interface StoredRoom {
  /** `type|state key` to event id. */
  readonly state: Readonly<Record<string, string>>
  /** Ids of the forward extremities, sorted. */
  readonly extremities: readonly string[]
  /** Ids of the events that are in the history or were refused softly, sorted. */
  readonly events: readonly string[]
  readonly rejected: readonly string[]
}

type Row = Readonly<Record<string, string | number | null>>
type Ask = (sql: string) => Promise<readonly Row[]>

const REJECTED = 4
const TIMELINE = 0

/** Reads the server's database, beside the server. */
export const storedRoom = (server: TestHomeserver, roomId: string): Promise<StoredRoom> =>
  asking(server, async (ask) => {
    const ofRoom = `(select room from rooms where room_id = '${roomId.replaceAll("'", '')}')`
    const rows = await ask(`select event_id, placed, position from events where room = ${ofRoom} order by event`)
    const state = await ask(`select l.type, l.state_key, e.event_id from state_log l join events e on e.event = l.event
      where l.until_position is null and l.room = ${ofRoom}`)
    const [heads] = await ask(`select extremities from rooms where room = ${ofRoom}`)
    const idsWhere = (holds: (placed: number) => boolean): string[] =>
      rows.filter(({ placed }) => holds(Number(placed))).map(({ event_id }) => `${event_id}`)
    const entries = state.map(({ type, state_key, event_id }): [string, string] => [
      `${type}|${state_key}`,
      `${event_id}`,
    ])
    return {
      state: Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1))),
      extremities: headsOf(
        heads?.extremities ?? null,
        idsWhere((placed) => placed === TIMELINE),
      ),
      events: idsWhere((placed) => placed !== REJECTED).sort(),
      rejected: idsWhere((placed) => placed === REJECTED).sort(),
    }
  })

/** No list stands for one head: the newest event of the timeline. */
const headsOf = (stored: string | number | null, timeline: readonly string[]): string[] => {
  if (stored === null) return timeline.slice(-1)
  const heads = JSON.parse(`${stored}`) as readonly (readonly [string, number])[]
  return heads.map(([eventId]) => eventId).sort()
}

const asking = async <Answer>(server: TestHomeserver, work: (ask: Ask) => Promise<Answer>): Promise<Answer> => {
  const { databaseUrl } = server
  if (databaseUrl === undefined) {
    const database = new DatabaseSync(server.databaseFile, { readOnly: true })
    try {
      return await work(async (sql) => database.prepare(sql).all() as Row[])
    } finally {
      database.close()
    }
  }
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return await work(async (sql) => (await client.query(sql)).rows as Row[])
  } finally {
    await client.end()
  }
}
