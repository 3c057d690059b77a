import { sql } from 'kysely'
import type { EventId, Membership, UserId } from '#spec'
import type { NewStoredEvent, RoomChange } from '../../ports/rooms/rooms.ts'
import type { InsertRow, Tx } from '../engine/index.ts'
import { insertEvents, insertMemberships, insertStateLog, query } from './tables.ts'

/** Ends what was in force, and says what it was. */
const endEntry = query((db, param: { room: number; type: string; stateKey: string; position: number }) =>
  db
    .updateTable('state_log')
    .set({ until_position: param.position })
    .where('room', '=', param.room)
    .where('type', '=', param.type)
    .where('state_key', '=', param.stateKey)
    .where('until_position', 'is', null)
    .returning(['event_position', 'membership']),
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

const countMembers = query((db, param: { room: number; joined: number; invited: number }) =>
  db
    .updateTable('rooms')
    .set({
      joined_count: sql<number>`joined_count + ${param.joined}`,
      invited_count: sql<number>`invited_count + ${param.invited}`,
    })
    .where('room', '=', param.room),
)

const redactEvent = query((db, param: { room: number; target: EventId; json: string; redactedBy: EventId }) =>
  db
    .updateTable('events')
    .set((eb) => ({
      json: param.json,
      redacted_by: eb
        .selectFrom('events as redaction')
        .select('redaction.position')
        .where('redaction.event_id', '=', param.redactedBy),
    }))
    .where('event_id', '=', param.target)
    .where('room', '=', param.room),
)

type EventRow = InsertRow<typeof insertEvents>
type StateRow = InsertRow<typeof insertStateLog>

/** What was in force before an entry changed. */
interface EndedEntry {
  readonly event_position: number
  readonly membership: string | null
}

const MEMBER = 'm.room.member'

/** Gathers the rows of one room's change, in the order of its events, and writes them in as few statements as can be. */
class RowsOfChange {
  readonly #tx: Tx
  readonly #room: number
  /** A room made in this change has nothing to look up. */
  readonly #fresh: boolean
  readonly #events: EventRow[] = []
  readonly #state = new Map<string, StateRow[]>()
  readonly #members = new Map<UserId, { readonly membership: Membership; readonly position: number }>()
  #joined = 0
  #invited = 0

  constructor(tx: Tx, room: number, fresh: boolean) {
    this.#tx = tx
    this.#room = room
    this.#fresh = fresh
  }

  async add(event: NewStoredEvent, position: number): Promise<void> {
    const replaces = event.entersState ? await this.#enterState(event, position) : null
    this.#events.push({
      position,
      event_id: event.eventId,
      room: this.#room,
      type: event.type,
      state_key: event.stateKey ?? null,
      sender: await this.#tx.userNumber(event.sender),
      origin_server_ts: event.originServerTs,
      depth: event.depth,
      rejected: event.rejected === true ? 1 : 0,
      soft_failed: event.softFailed === true ? 1 : 0,
      replaces,
      txn_device: event.transaction?.device ?? null,
      txn_scope: event.transaction?.scope ?? null,
      txn_id: event.transaction?.id ?? null,
      json: event.json,
    })
  }

  /** Answers the users whose membership changed. */
  async write(): Promise<readonly number[]> {
    await this.#tx.insertMany(insertEvents, this.#events)
    await this.#tx.insertMany(insertStateLog, [...this.#state.values()].flat())
    const users = await this.#writeMembers()
    if (this.#joined !== 0 || this.#invited !== 0) {
      await this.#tx.run(countMembers, { room: this.#room, joined: this.#joined, invited: this.#invited })
    }
    return users
  }

  /** Answers the position of the event whose place this one takes. */
  async #enterState(event: NewStoredEvent, position: number): Promise<number | null> {
    const stateKey = event.stateKey
    if (stateKey === undefined) throw new TypeError('only an event with a state key enters the state')
    const { type } = event
    const membership = event.membership ?? null
    const key = JSON.stringify([type, stateKey])
    const rows = this.#state.get(key) ?? []
    const ended = await this.#endEntry(rows, type, stateKey, position)
    rows.push({
      room: this.#room,
      type,
      state_key: stateKey,
      position,
      until_position: null,
      event_position: position,
      membership,
    })
    this.#state.set(key, rows)
    if (type === MEMBER && event.membership !== undefined) {
      this.#joined += Number(membership === 'join') - Number(ended?.membership === 'join')
      this.#invited += Number(membership === 'invite') - Number(ended?.membership === 'invite')
      this.#members.set(stateKey as UserId, { membership: event.membership, position })
    }
    return ended?.event_position ?? null
  }

  async #endEntry(rows: StateRow[], type: string, stateKey: string, position: number): Promise<EndedEntry | undefined> {
    const before = rows.pop()
    if (before !== undefined) {
      rows.push({ ...before, until_position: position })
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

/** Stores what a turn made; `fresh` for a room that is created in the same change. Announces it. Answers the events' positions. */
export const storeChange = async (
  tx: Tx,
  room: number,
  change: Pick<RoomChange, 'events' | 'redactions'>,
  firstPosition: number,
  fresh: boolean,
): Promise<readonly number[]> => {
  const rows = new RowsOfChange(tx, room, fresh)
  const positions = change.events.map((_, index) => firstPosition + index)
  for (const [index, event] of change.events.entries()) await rows.add(event, firstPosition + index)
  const users = await rows.write()
  for (const redaction of change.redactions) await tx.run(redactEvent, { room, ...redaction })
  const last = positions.at(-1)
  if (last !== undefined) tx.announce({ stream: 'events', position: last, rooms: [room], users })
  return positions
}
