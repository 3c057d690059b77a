import { sql } from 'kysely'
import { type Membership, stateTupleKey, type UserId } from '#spec'
import type { EventNumber } from '../../../ports/rooms/events.ts'
import type { StateChange } from '../../../ports/rooms/room-change.ts'
import type { InsertRow, Tx } from '../../engine/index.ts'
import { ServerRows } from '../servers/room-server-rows.ts'
import { insertMemberships, insertStateLog, query } from '../tables.ts'

/** Ends the entry in force, and returns it. */
const endEntry = query((db, param: { room: number; type: string; stateKey: string; position: number }) =>
  db
    .updateTable('state_log')
    .set({ until_position: param.position })
    .where('room', '=', param.room)
    .where('type', '=', param.type)
    .where('state_key', '=', param.stateKey)
    .where('until_position', 'is', null)
    .returning(['event', 'membership']),
)

const setMembership = query((db, param: { user: number; room: number; membership: Membership; position: number }) =>
  db
    .insertInto('memberships')
    .values({
      user_number: param.user,
      room: param.room,
      membership: param.membership,
      position: param.position,
      forgotten: 0,
    })
    .onConflict((on) =>
      on
        .columns(['user_number', 'room'])
        .doUpdateSet({ membership: param.membership, position: param.position, forgotten: 0 }),
    ),
)

const countState = query((db, param: { room: number; joined: number; invited: number; entries: number }) =>
  db
    .updateTable('rooms')
    .set({
      joined_count: sql<number>`joined_count + ${param.joined}`,
      invited_count: sql<number>`invited_count + ${param.invited}`,
      state_events: sql<number>`state_events + ${param.entries}`,
    })
    .where('room', '=', param.room),
)

type StateRow = InsertRow<typeof insertStateLog>

/** The parts of an ended entry that the next one needs. */
interface EndedEntry {
  readonly event: EventNumber | null
  readonly membership: string | null
}

const MEMBER = 'm.room.member'

/** Gathers the rows of one room's state changes, in order, and writes them in few statements. */
export class StateRows {
  /** Position of the newest change that state resolution made, and not the event itself; 0 for none. */
  resolvedPosition = 0
  readonly #tx: Tx
  readonly #room: number
  /** Whether the room is made in this change, so that there is nothing to look up. */
  readonly #fresh: boolean
  readonly #rows = new Map<string, StateRow[]>()
  readonly #servers: ServerRows
  readonly #members = new Map<UserId, { readonly membership: Membership; readonly position: number }>()
  #joined = 0
  #invited = 0
  #entries = 0

  constructor(tx: Tx, room: number, fresh: boolean) {
    this.#tx = tx
    this.#room = room
    this.#fresh = fresh
    this.#servers = new ServerRows(tx, room)
  }

  /** Returns the number of the event that the entry replaces. */
  async change(change: StateChange, position: number, event: EventNumber | null): Promise<EventNumber | null> {
    const { type, stateKey } = change
    if (event !== position) this.resolvedPosition = position
    const membership = type === MEMBER ? (event === null ? 'leave' : (change.membership ?? null)) : null
    const key = stateTupleKey(type, stateKey)
    const rows = this.#rows.get(key) ?? []
    const ended = await this.#endEntry(rows, type, stateKey, position)
    this.#entries += Number(event !== null) - Number((ended?.event ?? null) !== null)
    rows.push({ room: this.#room, type, state_key: stateKey, position, until_position: null, event, membership })
    this.#rows.set(key, rows)
    if (membership !== null) {
      const joined = Number(membership === 'join') - Number(ended?.membership === 'join')
      this.#joined += joined
      this.#servers.count(stateKey, joined, position)
      this.#invited += Number(membership === 'invite') - Number(ended?.membership === 'invite')
      this.#members.set(stateKey as UserId, { membership, position })
    }
    return ended?.event ?? null
  }

  /** Returns the numbers of the users whose membership changed. */
  async write(): Promise<readonly number[]> {
    await this.#tx.insertMany(insertStateLog, [...this.#rows.values()].flat())
    const users = await this.#writeMembers()
    await this.#servers.write()
    const counts = { joined: this.#joined, invited: this.#invited, entries: this.#entries }
    if (Object.values(counts).some((change) => change !== 0))
      await this.#tx.run(countState, { room: this.#room, ...counts })
    return users
  }

  async #endEntry(rows: StateRow[], type: string, stateKey: string, position: number): Promise<EndedEntry | undefined> {
    const before = rows.pop()
    if (before !== undefined) {
      // One event may set an entry twice; the log has one row for a position.
      if (before.position !== position) rows.push({ ...before, until_position: position })
      return before
    }
    return this.#fresh ? undefined : this.#tx.first(endEntry, { room: this.#room, type, stateKey, position })
  }

  async #writeMembers(): Promise<readonly number[]> {
    const users: number[] = []
    const rows: InsertRow<typeof insertMemberships>[] = []
    for (const [userId, { membership, position }] of this.#members) {
      const user = await this.#tx.userNumber(userId)
      users.push(user)
      if (this.#fresh) rows.push({ user_number: user, room: this.#room, membership, position, forgotten: 0 })
      else await this.#tx.run(setMembership, { user, room: this.#room, membership, position })
    }
    await this.#tx.insertMany(insertMemberships, rows)
    return users
  }
}
