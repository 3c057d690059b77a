import { randomBytes, randomInt } from 'node:crypto'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { namesRow } from '../../src/store/sql/search/names.ts'

type Row = Record<string, SQLInputValue>
const text = (value: SQLInputValue | undefined): string => (typeof value === 'string' ? value : '')

/** Members and rooms share these of the template. */
const NEVER_COPIED: Readonly<Row> = { txn_device: null, txn_scope: null, txn_id: null }
/** Rows written by one transaction: enough to be fast, few enough to stay small in memory. */
const ROWS_AT_ONCE = 20_000

/**
 * Makes a database large by copying rows that a server wrote: the same room many times, the same member under many names, the same message
 * with many ids. Only while no server has the database open. Copied events have neither true hashes nor true signatures, which no server checks
 * in what it has stored itself.
 */
export class GrownRows {
  readonly #db: DatabaseSync
  readonly #inserts = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  #written = 0
  /** Whether search takes the copies up. A server that looks through them for its first minute would be measured doing that. */
  areSearched = false

  constructor(file: string) {
    this.#db = new DatabaseSync(file)
    this.#db.exec('pragma journal_mode = wal; pragma synchronous = off; begin')
  }

  close(): void {
    if (!this.areSearched)
      this.#db.exec('update search_progress set up_to = (select coalesce(max(event), 0) from events)')
    // No statistics are made, as a server makes none.
    this.#db.exec('commit; pragma wal_checkpoint(truncate)')
    this.#db.close()
  }

  /** Copies of a room with all its members; answers with their ids. */
  copyRoom(roomId: string, count: number): string[] {
    const room = this.#one('select * from rooms where room_id = ?', roomId)
    const events = this.#all('select * from events where room = ? order by event', room.room)
    const log = this.#all('select * from state_log where room = ?', room.room)
    const members = this.#all('select * from memberships where room = ?', room.room)
    return Array.from({ length: count }, () => this.#copyOfRoom({ room, events, log, members }))
  }

  /** New users who joined the room as `userId` did; without accounts. Answers with their ids. */
  addMembers(roomId: string, userId: string, count: number): string[] {
    const { room } = this.#one('select room from rooms where room_id = ?', roomId)
    const { user_number: user } = this.#one('select user_number from users where user_id = ?', userId)
    const entry = this.#one(
      `select * from state_log where room = ? and type = 'm.room.member' and state_key = ? and until_position is null`,
      room,
      userId,
    )
    const event = this.#one('select * from events where event = ?', entry.event)
    const member = this.#one('select * from memberships where room = ? and user_number = ?', room, user)
    const added: string[] = []
    for (let made = 0; made < count; made++) {
      const [other, number] = this.#newUser(userId)
      const position = this.#nextPosition()
      const json = text(event.json).replaceAll(userId, other)
      const event_id = `$${randomId()}`
      this.#insert('events', {
        ...event,
        ...NEVER_COPIED,
        ...{ event: position, position, event_id, sender: number, state_key: other, json, replaces: null },
      })
      this.#insert('state_log', { ...entry, state_key: other, position, event: position })
      this.#insert('memberships', { ...member, user_number: number, position })
      added.push(other)
    }
    this.#db
      .prepare('update rooms set joined_count = joined_count + ?, extremities = null where room = ?')
      .run(count, room ?? null)
    return added
  }

  /** Copies of the newest message of the room. */
  addMessages(roomId: string, count: number): void {
    const { room } = this.#one('select room from rooms where room_id = ?', roomId)
    const message = this.#one(
      `select * from events where room = ? and type = 'm.room.message' order by event desc limit 1`,
      room,
    )
    const { depth } = this.#one('select max(depth) as depth from events where room = ?', room)
    for (let made = 1; made <= count; made++) {
      const position = this.#nextPosition()
      const event_id = `$${randomId()}`
      this.#insert('events', {
        ...{ ...message, ...NEVER_COPIED },
        ...{ event: position, position, event_id, depth: Number(depth) + made },
      })
    }
    this.#db.prepare('update rooms set extremities = null where room = ?').run(room ?? null)
  }

  /** Copies of the newest event of the room, which relates to another one. */
  addRelating(roomId: string, count: number): void {
    const { room } = this.#one('select room from rooms where room_id = ?', roomId)
    const event = this.#one('select * from events where room = ? order by event desc limit 1', room)
    const relation = this.#one('select * from relations where event = ?', event.event)
    let position = 0
    for (let made = 1; made <= count; made++) {
      position = this.#nextPosition()
      const [event_id, depth] = [`$${randomId()}`, Number(event.depth) + made]
      this.#insert('events', { ...event, ...NEVER_COPIED, event: position, position, event_id, depth })
      this.#insert('relations', { ...relation, event: position, place: position, depth })
    }
    for (const table of ['threads', 'thread_senders'])
      this.#db
        .prepare(`update ${table} set replies = replies + ?, latest = ? where room = ? and root = ?`)
        .run(relation.rel_type === 'm.thread' ? count : 0, position, room ?? null, relation.target ?? null)
    this.#db.prepare('update rooms set extremities = null where room = ?').run(room ?? null)
  }

  /** Changes of the device lists of new users, who are in no room. */
  addKeyChanges(userId: string, count: number): void {
    const { position } = this.#one(`select position from stream_positions where stream = 'deviceLists'`)
    for (let made = 1; made <= count; made++) {
      const [, number] = this.#newUser(userId)
      this.#insert('device_list_changes', { position: Number(position) + made, user_number: number, told_to: null })
    }
    this.#db.prepare(`update stream_positions set position = position + ? where stream = 'deviceLists'`).run(count)
  }

  /** Accounts like that of `userId`, without devices; each has a name of its own, which the directory of users has as well. */
  addAccounts(userId: string, count: number): void {
    const { user_number: user } = this.#one('select user_number from users where user_id = ?', userId)
    const account = this.#one('select * from accounts where user_number = ?', user)
    const fields = this.#all('select * from profile_fields where user_number = ?', user)
    for (let made = 0; made < count; made++) {
      const [id, number] = this.#newUser(userId)
      const name = `${someWord()} ${someWord()}`
      this.#insert('accounts', { ...account, user_number: number, name: id })
      for (const field of fields) {
        const value = field.key === 'displayname' ? { value_json: JSON.stringify(name) } : {}
        this.#insert('profile_fields', { ...field, ...value, user_number: number })
      }
      this.#insert('user_names', namesRow({ user: number, userId: id, name }))
    }
  }

  /** Members like one of another server whom the directory of users has; it has all of these as well. */
  addPeopleElsewhere(roomId: string, userId: string, count: number): void {
    const { user_number: user } = this.#one('select user_number from users where user_id = ?', userId)
    const person = this.#one('select * from people_elsewhere where user_number = ?', user)
    const { names, grams } = this.#one('select names, grams from user_names_elsewhere where user_number = ?', user)
    for (const other of this.addMembers(roomId, userId, count)) {
      const { user_number: number = null } = this.#one('select user_number from users where user_id = ?', other)
      this.#insert('people_elsewhere', { ...person, user_number: number })
      this.#insert('user_names_elsewhere', { user_number: number, names: names ?? null, grams: grams ?? null })
    }
    this.#db.prepare('update name_servers set kept = kept + ? where server = ?').run(count, person.server ?? null)
    this.#db
      .prepare('update people_elsewhere_progress set kept = kept + ?, position = ?')
      .run(count, this.#position ?? 0)
  }

  #copyOfRoom({ room, events, log, members }: RoomRows): string {
    const oldId = text(room.room_id)
    const hash = /^!([^:]+)/.exec(oldId)?.[1] ?? ''
    const ids = new Map(events.map(({ event_id }) => [text(event_id), `$${randomId()}`]))
    const newHash = randomId()
    // Since room version 12 a room is named after its create event.
    if (ids.has(`$${hash}`)) ids.set(`$${hash}`, `$${newHash}`)
    const numbers = new Map<SQLInputValue | undefined, number>(events.map(({ event }) => [event, this.#nextPosition()]))
    const numberOf = (old: SQLInputValue | undefined): SQLInputValue => numbers.get(old) ?? null
    const renamed = (text: string): string => {
      let changed = text.replaceAll(hash, newHash)
      for (const [before, after] of ids) changed = changed.replaceAll(before, after)
      return changed
    }
    const newId = oldId.replace(hash, newHash)
    const { room: number } = this.#one('select coalesce(max(room), 0) + 1 as room from rooms')
    this.#insert('rooms', { ...room, room: number ?? null, room_id: newId, published: 0 })
    for (const event of events) {
      const position = numberOf(event.event)
      this.#insert('events', {
        ...{ ...event, ...NEVER_COPIED, room: number ?? null, event: position, position },
        ...{ replaces: numberOf(event.replaces), redacted_by: numberOf(event.redacted_by) },
        ...{ event_id: ids.get(text(event.event_id)) ?? null, json: renamed(text(event.json)) },
      })
    }
    for (const entry of log)
      this.#insert('state_log', {
        ...{ ...entry, room: number ?? null, event: numberOf(entry.event), position: numberOf(entry.position) },
        until_position: numberOf(entry.until_position),
      })
    for (const member of members)
      this.#insert('memberships', { ...member, room: number ?? null, position: numberOf(member.position) })
    return newId
  }

  /** The id and the number of a new user on the server of `userId`. */
  #newUser(userId: string): readonly [string, number] {
    const other = `@g${randomBytes(6).toString('hex')}${userId.slice(userId.indexOf(':'))}`
    this.#insert('users', { user_id: other })
    return [other, Number(this.#one('select last_insert_rowid() as number').number)]
  }

  #position: number | undefined
  #nextPosition(): number {
    this.#position ??= Number(this.#one('select coalesce(max(position), 0) as position from events').position)
    this.#position += 1
    return this.#position
  }

  #one(text: string, ...params: (SQLInputValue | undefined)[]): Row {
    const [row] = this.#all(text, ...params)
    if (row === undefined) throw new Error(`the database has no such row: ${text}`)
    return row
  }

  #all(text: string, ...params: (SQLInputValue | undefined)[]): Row[] {
    return this.#prepared(text).all(...params.map((param) => param ?? null)) as Row[]
  }

  #insert(table: string, row: Row): void {
    const names = Object.keys(row)
    const holes = names.map(() => '?').join()
    this.#prepared(`insert into ${table} (${names.join()}) values (${holes})`).run(...Object.values(row))
    if (++this.#written % ROWS_AT_ONCE === 0) this.#db.exec('commit; begin')
  }

  #prepared(text: string): ReturnType<DatabaseSync['prepare']> {
    const known = this.#inserts.get(text)
    if (known !== undefined) return known
    const prepared = this.#db.prepare(text)
    this.#inserts.set(text, prepared)
    return prepared
  }
}

interface RoomRows {
  readonly room: Row
  readonly events: readonly Row[]
  readonly log: readonly Row[]
  readonly members: readonly Row[]
}

const SYLLABLES = 'ka lo mi ren sta vo el an dre jo han pe tra li sa mar tin ger wolf ni'.split(' ')
/** Two to four syllables, as names have. */
const someWord = (): string =>
  Array.from(randomBytes(2 + randomInt(3)), (byte) => SYLLABLES[byte % SYLLABLES.length]).join('')

/** 43 letters and digits, as the hash of an event has. */
const randomId = (): string => randomBytes(32).toString('base64url')
