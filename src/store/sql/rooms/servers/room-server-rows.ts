import { parseServerName, type ServerName } from '#spec'
import { type InsertRow, insertInto, type Tx } from '../../engine/index.ts'
import { query } from '../tables.ts'
import { addServers } from './server-numbers.ts'

const inRoom = query((db, param: { room: number; names: readonly ServerName[] }, { texts }) =>
  db
    .selectFrom('servers as s')
    .leftJoin('room_servers as r', (join) => join.onRef('r.server', '=', 's.server').on('r.room', '=', param.room))
    .select(['s.name', 's.server', 'r.joined', 'r.since'])
    .where('s.name', 'in', texts(param.names)),
)
const setJoined = query((db, param: { room: number; server: number; joined: number; since: number }) =>
  db
    .updateTable('room_servers')
    .set({ joined: param.joined, since: param.since })
    .where('room', '=', param.room)
    .where('server', '=', param.server),
)
const takeServer = query((db, param: { room: number; server: number }) =>
  db.deleteFrom('room_servers').where('room', '=', param.room).where('server', '=', param.server),
)
const insertRoomServers = insertInto('room_servers', {
  room: 'integer',
  server: 'integer',
  joined: 'integer',
  since: 'integer',
})
const insertPast = insertInto(
  'past_room_servers',
  { room: 'integer', server: 'integer', since: 'integer', until: 'integer' },
  // Within one change of a room a server can come and go at the same position; nothing lies in such a span.
  { ifExists: 'ignore' },
)

type Row = InsertRow<typeof insertRoomServers>
type Known = NonNullable<Awaited<ReturnType<typeof numbersOf>>[number]>

const numbersOf = async (tx: Tx, room: number, names: readonly ServerName[]) => {
  const known = await tx.all(inRoom, { room, names })
  if (known.length === names.length) return known
  const held = new Set(known.map(({ name }) => name))
  await addServers(
    tx,
    names.filter((name) => !held.has(name)),
  )
  return tx.all(inRoom, { room, names })
}

/** Counts joins by server while one room's state is changed, and writes which servers are in the room. */
export class ServerRows {
  readonly #tx: Tx
  readonly #room: number
  /** For each server, how many joined users it gains or loses at a position, in order of positions. */
  readonly #changes = new Map<ServerName, Map<number, number>>()

  constructor(tx: Tx, room: number) {
    this.#tx = tx
    this.#room = room
  }

  /** `gained`: 1 for a join, -1 for its end, 0 for any other change of a membership. */
  count(userId: string, gained: number, position: number): void {
    if (gained === 0) return
    const name = parseServerName(userId.slice(userId.indexOf(':') + 1))
    if (name !== undefined) this.countServer(name, gained, position)
  }

  /** The same for a user who is not known. */
  countServer(name: ServerName, gained: number, position: number): void {
    const changes = this.#changes.get(name)
    if (changes === undefined) this.#changes.set(name, new Map([[position, gained]]))
    else changes.set(position, (changes.get(position) ?? 0) + gained)
  }

  /** Costs two statements for a change of one membership, and none for any other change. */
  async write(): Promise<void> {
    if (this.#changes.size === 0) return
    const made: Row[] = []
    for (const known of await numbersOf(this.#tx, this.#room, [...this.#changes.keys()])) {
      const row = await this.#apply(known, this.#changes.get(known.name) ?? new Map<number, number>())
      if (row !== undefined) made.push(row)
    }
    await this.#tx.insertMany(insertRoomServers, made)
  }

  /** Returns the row of a server that is new in the room. */
  async #apply({ server, joined: before, since: from }: Known, changes: ReadonlyMap<number, number>) {
    const past: InsertRow<typeof insertPast>[] = []
    const room = this.#room
    let [joined, since] = [before ?? 0, from ?? 0]
    for (const [position, gained] of changes) {
      if (joined === 0 && gained > 0) since = position
      joined += gained
      if (joined === 0 && gained < 0) past.push({ room, server, since, until: position })
    }
    await this.#tx.insertMany(insertPast, past)
    if (joined > 0 && before === null) return { room, server, joined, since }
    if (joined > 0) await this.#tx.run(setJoined, { room, server, joined, since })
    else if (before !== null) await this.#tx.run(takeServer, { room, server })
    return undefined
  }
}

const heldServers = query((db, param: { room: number }) =>
  db
    .selectFrom('room_servers as r')
    .innerJoin('servers as s', 's.server', 'r.server')
    .select(['s.name', 'r.server', 'r.since'])
    .where('r.room', '=', param.room),
)
const takeServers = query((db, param: { room: number }) => db.deleteFrom('room_servers').where('room', '=', param.room))

export interface CountedServers {
  readonly room: number
  readonly position: number
  /** Joined users by the name of their server. */
  readonly joined: ReadonlyMap<string, number>
}

/** Writes which servers are in the room: those that were keep their time, others have come or gone at the position. */
export const setServers = async (tx: Tx, { room, position, joined }: CountedServers): Promise<void> => {
  const held = new Map((await tx.all(heldServers, { room })).map((row) => [row.name as string, row]))
  const names = [...joined.keys()].flatMap((name) => parseServerName(name) ?? [])
  const known = new Map((await numbersOf(tx, room, names)).map(({ name, server }) => [name, server]))
  await tx.run(takeServers, { room })
  await tx.insertMany(
    insertRoomServers,
    names.flatMap((name) => {
      const server = known.get(name)
      if (server === undefined) return []
      return [{ room, server, joined: joined.get(name) ?? 0, since: held.get(name)?.since ?? position }]
    }),
  )
  const gone = [...held.values()].filter(({ name }) => !known.has(name))
  await tx.insertMany(
    insertPast,
    gone.map(({ server, since }) => ({ room, server, since, until: position })),
  )
}
