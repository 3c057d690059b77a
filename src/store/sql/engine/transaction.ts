import type { Generated } from 'kysely'
import type { BoundedCache } from '#base'
import type { UserId } from '#spec'
import type { Announcement, DurableStream } from '../../ports/engine/change.ts'
import type { Tx } from './access.ts'
import type { Answer, Positions, WriteConnection } from './connection.ts'
import { type Insert, type Query, queriesOver, type Statement } from './query.ts'

/** The writer's caches, which outlive a transaction. */
export interface WriterMemory {
  readonly users: BoundedCache<UserId, number>
  readonly facts: BoundedCache<string, true>
}

export interface UserTables {
  readonly users: { readonly user_number: Generated<number>; readonly user_id: string }
}

const query = queriesOver<UserTables>()
const numberOfUser = query((db, param: { userId: string }) =>
  db.selectFrom('users').select('user_number').where('user_id', '=', param.userId),
)
const insertUser = query((db, param: { userId: string }) =>
  db.insertInto('users').values({ user_id: param.userId }).returning('user_number'),
)

/** The transaction's memory as a commit found it, to undo what the commit left there. */
export interface Mark {
  readonly touches: number
  readonly positions: Positions
  readonly announcements: number
  readonly newUsers: number
  readonly newFacts: number
}

interface Gathered {
  readonly insert: Insert<unknown>
  readonly rows: unknown[]
}

/** One group's transaction, with what it has in memory: gathered inserts, positions, announcements, user numbers and facts. */
export class GroupTransaction implements Tx {
  readonly announcements: Announcement[] = []
  readonly #connection: WriteConnection
  readonly #start: Positions
  readonly #memory: WriterMemory
  /** Kept out of the cache until the commit: a number that is rolled back may be given to another user. */
  readonly #newUsers = new Map<UserId, number>()
  readonly #newFacts = new Set<string>()
  readonly #gathered = new Map<string, Gathered>()
  /** See `Tx.keep`. */
  readonly #kept = new Map<number, unknown>()
  #operation = ''
  /** Streams in which a position was taken that no row holds. */
  readonly #beside = new Set<DurableStream>()
  #positions: Positions
  #touches = 0

  constructor(connection: WriteConnection, positions: Positions, memory: WriterMemory) {
    this.#connection = connection
    this.#start = positions
    this.#positions = positions
    this.#memory = memory
  }

  get positions(): Positions {
    return this.#positions
  }

  get changed(): boolean {
    return this.#touches > 0 || this.#positions !== this.#start
  }

  async first<Params, Row>(ask: Query<Params, Row>, params: Params): Promise<Row | undefined> {
    return (await this.#execute(ask, params)).rows[0] as Row | undefined
  }

  async all<Params, Row>(ask: Query<Params, Row>, params: Params): Promise<readonly Row[]> {
    return (await this.#execute(ask, params)).rows as readonly Row[]
  }

  async run<Params, Row>(ask: Query<Params, Row>, params: Params): Promise<number> {
    return (await this.#execute(ask, params)).changes
  }

  async insertMany<Row>(insert: Insert<Row>, rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return
    this.#touches++
    if (!this.#connection.gathersInserts) return this.#connection.insert(insert, rows)
    const name = insert.statement(this.#connection.dialect).name
    const gathered = this.#gathered.get(name)
    if (gathered === undefined) this.#gathered.set(name, { insert: insert as Insert<unknown>, rows: [...rows] })
    else gathered.rows.push(...rows)
  }

  next(stream: DurableStream, count: number, kept?: 'in-rows'): number {
    const reached = this.#positions[stream]
    if (reached === undefined) throw new Error(`a write takes positions of ${stream} and has not declared it`)
    if (count > 0) this.#positions = { ...this.#positions, [stream]: reached + count }
    if (kept === undefined) this.#beside.add(stream)
    return reached + 1
  }

  knows(fact: string): boolean {
    return this.#newFacts.has(fact) || this.#memory.facts.get(fact) === true
  }

  learn(fact: string): void {
    this.#newFacts.add(fact)
  }

  /** To be called before each write. */
  begin(operation: string): void {
    if (operation !== this.#operation) this.#kept.clear()
    this.#operation = operation
  }

  kept(key: number): unknown {
    return this.#kept.get(key)
  }

  keep(key: number, value: unknown): void {
    this.#kept.set(key, value)
  }

  announce(announcement: Announcement): void {
    this.announcements.push(announcement)
  }

  async userNumber(userId: UserId): Promise<number> {
    const known = this.#newUsers.get(userId) ?? this.#memory.users.get(userId)
    if (known !== undefined) return known
    const found = (await this.first(numberOfUser, { userId })) ?? (await this.first(insertUser, { userId }))
    if (found === undefined) throw new Error('an inserted user got no number')
    this.#newUsers.set(userId, found.user_number)
    return found.user_number
  }

  mark(): Mark {
    return {
      touches: this.#touches,
      positions: this.#positions,
      announcements: this.announcements.length,
      newUsers: this.#newUsers.size,
      newFacts: this.#newFacts.size,
    }
  }

  touchedSince(mark: Mark): boolean {
    return this.#touches !== mark.touches
  }

  /** Takes the memory back to the mark. The database must be there already, or unchanged since. */
  reset(mark: Mark): void {
    this.#kept.clear()
    this.#positions = mark.positions
    this.announcements.length = mark.announcements
    if (this.#touches !== mark.touches) this.#gathered.clear()
    this.#touches = mark.touches
    for (const userId of [...this.#newUsers.keys()].slice(mark.newUsers)) this.#newUsers.delete(userId)
    for (const fact of [...this.#newFacts].slice(mark.newFacts)) this.#newFacts.delete(fact)
  }

  async flush(): Promise<void> {
    for (const name of [...this.#gathered.keys()]) await this.#flushOne(name)
  }

  /** The streams that moved, with their new positions. */
  advanced(): Positions {
    const moved = Object.entries(this.#positions).filter(([stream, at]) => this.#start[stream as DurableStream] !== at)
    return Object.fromEntries(moved)
  }

  /** The streams that moved and all of whose new positions are held by rows. */
  inRows(): ReadonlySet<DurableStream> {
    const moved = Object.keys(this.advanced()) as DurableStream[]
    return new Set(moved.filter((stream) => !this.#beside.has(stream)))
  }

  /** Moves user numbers and facts to the caches, after the commit. */
  remember(): void {
    for (const [userId, number] of this.#newUsers) this.#memory.users.set(userId, number)
    for (const fact of this.#newFacts) this.#memory.facts.set(fact, true)
  }

  async #flushOne(name: string): Promise<void> {
    const gathered = this.#gathered.get(name)
    if (gathered === undefined) return
    this.#gathered.delete(name)
    await this.#connection.insert(gathered.insert, gathered.rows)
  }

  async #execute<Params, Row>(ask: Query<Params, Row>, params: Params): Promise<Answer> {
    const statement = ask.statement(this.#connection.dialect)
    if (this.#gathered.size > 0) await this.#flushNamedIn(statement)
    const values = statement.bind(params)
    // Counted before it runs, so that a statement that fails half-way counts too.
    if (!statement.writes) return this.#connection.execute(statement, values)
    this.#touches++
    const answer = await this.#connection.execute(statement, values)
    if (answer.changes === 0) this.#touches--
    return answer
  }

  /** Inserts the gathered rows of the tables that a statement names, so that it sees them. */
  async #flushNamedIn(statement: Statement): Promise<void> {
    for (const [name, { insert }] of [...this.#gathered]) {
      if (!statement.tables.has(insert.table)) continue
      this.#touches++
      await this.#flushOne(name)
    }
  }
}
