import { BoundedCache } from '#base'
import {
  type Announcement,
  type Committed,
  DURABLE_STREAMS,
  type DurableStream,
  WriteConflict,
} from '../../ports/engine/change.ts'
import { StoreUnavailable, type UnavailableReason, UnstorableText } from '../../ports/engine/faults.ts'
import type { GroupLocks, Positions, WriteConnection } from './connection.ts'
import { GroupTransaction, type WriterMemory } from './transaction.ts'
import type { WriteTable } from './writes.ts'

/** The changes of one commit, as sent to the writer. */
export type CommitRequest = readonly { readonly operation: string; readonly input: unknown }[]

/** The result of one commit, as plain data. */
export type Outcome =
  | { readonly kind: 'done'; readonly outputs: readonly unknown[] }
  | { readonly kind: 'conflict'; readonly conflict: string; readonly detail: string }
  | { readonly kind: 'unstorable' }
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string }
  | { readonly kind: 'unavailable'; readonly reason: UnavailableReason; readonly detail: string }

export interface GroupResult {
  readonly outcomes: readonly Outcome[]
  /** undefined: nothing was changed. */
  readonly committed: Committed | undefined
  /** Whether a commit may have happened without being announced. The next group, even an empty one, finds out. */
  readonly inDoubt: boolean
}

/** A group's commit that got no answer: its announcements, and the positions that the streams have if it happened. */
interface Doubtful {
  readonly announcements: readonly Announcement[]
  readonly advanced: Positions
}

/** Thrown inside this file to end an attempt of the mode 'together'. */
class RunApart extends Error {}

const USER_CACHE_BYTES = 16 * 1024 * 1024
const FACT_CACHE_BYTES = 8 * 1024 * 1024
/** Runs of a group that the database undid, because it and a group of another process waited for each other's rows. */
const MAX_DEADLOCKS = 5

/** Runs groups of commits, each in one transaction. The caller runs one at a time. */
export class GroupRunner {
  readonly #connection: WriteConnection
  readonly #writes: WriteTable
  readonly #memory: WriterMemory
  #doubtful: readonly Doubtful[] = []

  constructor(connection: WriteConnection, writes: WriteTable) {
    this.#connection = connection
    this.#writes = writes
    this.#memory = {
      users: new BoundedCache({
        name: 'store-users',
        limitBytes: USER_CACHE_BYTES,
        sizeBytes: () => 16,
      }),
      facts: new BoundedCache({
        name: 'store-facts',
        limitBytes: FACT_CACHE_BYTES,
        sizeBytes: () => 0,
      }),
    }
  }

  /** Returns an outcome for every commit. Never throws. */
  async run(commits: readonly CommitRequest[]): Promise<GroupResult> {
    const locks = this.#locksOf(commits)
    let mode: 'together' | 'apart' = 'together'
    for (let deadlocks = 0; ; ) {
      try {
        return await this.#attempt(commits, locks, mode)
      } catch (error) {
        if (error instanceof RunApart && mode === 'together') mode = 'apart'
        else if (!(error instanceof StoreUnavailable) || error.reason !== 'deadlock' || ++deadlocks >= MAX_DEADLOCKS)
          return this.#allFailed(commits, error)
      }
    }
  }

  /**
   * The locks that these commits, and those in doubt, need. Writes that declare the streams of their table are serialised by these; all
   * others, and those that end sessions, share one lock, as they read before they write.
   */
  #locksOf(commits: readonly CommitRequest[]): GroupLocks {
    const streams = new Set<DurableStream>()
    for (const { advanced } of this.#doubtful)
      for (const stream of Object.keys(advanced)) streams.add(stream as DurableStream)
    let shared = false
    for (const commit of commits) {
      for (const { operation } of commit) {
        const taken = this.#writes.get(operation)?.streams ?? []
        for (const stream of taken) streams.add(stream)
        shared ||= taken.length === 0 || taken.includes('sessions')
      }
    }
    return { streams: DURABLE_STREAMS.filter((stream) => streams.has(stream)), shared }
  }

  /**
   * 'together' assumes that every commit works, which is nearly always so: no savepoints, and inserts gathered over the whole group.
   * If one fails after it has written, the group is rolled back and run again 'apart', with a savepoint before each commit.
   */
  async #attempt(
    commits: readonly CommitRequest[],
    locks: GroupLocks,
    mode: 'together' | 'apart',
  ): Promise<GroupResult> {
    const connection = this.#connection
    try {
      const before = await connection.begin(locks)
      const late = this.#happened(before)
      const tx = new GroupTransaction(connection, before, this.#memory)
      const outcomes: Outcome[] = []
      for (const commit of commits) {
        outcomes.push(mode === 'apart' ? await this.#runApart(tx, commit) : await this.#runTogether(tx, commit))
      }
      if (mode === 'together') await tx.flush().catch(tryApart)
      if (!tx.changed) {
        await connection.rollback()
        this.#doubtful = []
        const committed = late.length === 0 ? undefined : { announcements: late, before, positions: before }
        return { outcomes, committed, inDoubt: false }
      }
      await this.#commit(tx)
      const announcements = [...late, ...withoutRepeats(tx.announcements)]
      const moved = tx.advanced()
      const committed =
        late.length > 0
          ? { announcements, before, positions: tx.positions }
          : { announcements, before: asFarAs(moved, before), positions: moved }
      return { outcomes, committed, inDoubt: false }
    } catch (error) {
      await connection.abandon()
      throw error
    }
  }

  async #commit(tx: GroupTransaction): Promise<void> {
    const advanced = tx.advanced()
    try {
      await this.#connection.commit(advanced, tx.inRows())
    } catch (error) {
      if (tx.announcements.length > 0) {
        this.#doubtful = [...this.#doubtful, { announcements: tx.announcements, advanced }]
      }
      throw error
    }
    this.#doubtful = []
    tx.remember()
  }

  /**
   * The announcements of commits without an answer that did happen: the positions, now locked, show it. If
   * another process moved them instead, some requests wake for nothing, which does no harm.
   */
  #happened(positions: Positions): readonly Announcement[] {
    const reached = ({ advanced }: Doubtful): boolean =>
      Object.entries(advanced).every(([stream, position]) => (positions[stream as DurableStream] ?? 0) >= position)
    return this.#doubtful.filter(reached).flatMap(({ announcements }) => announcements)
  }

  async #runTogether(tx: GroupTransaction, commit: CommitRequest): Promise<Outcome> {
    const mark = tx.mark()
    try {
      return { kind: 'done', outputs: await this.#perform(tx, commit) }
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error
      // Most conflicts are found before anything is written, and there is nothing to undo.
      if (!(error instanceof WriteConflict) || tx.touchedSince(mark)) throw new RunApart()
      tx.reset(mark)
      return outcomeOf(error)
    }
  }

  async #runApart(tx: GroupTransaction, commit: CommitRequest): Promise<Outcome> {
    const mark = tx.mark()
    await this.#connection.savepoint()
    try {
      const outputs = await this.#perform(tx, commit)
      await tx.flush()
      await this.#connection.releaseSavepoint()
      return { kind: 'done', outputs }
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error
      await this.#connection.rollbackToSavepoint()
      tx.reset(mark)
      return outcomeOf(error)
    }
  }

  async #perform(tx: GroupTransaction, commit: CommitRequest): Promise<unknown[]> {
    const outputs: unknown[] = []
    for (const { operation, input } of commit) {
      const write = this.#writes.get(operation)
      if (write === undefined) throw new Error(`no write is named ${operation}`)
      tx.begin(operation)
      outputs.push(await write.perform(tx, input))
    }
    return outputs
  }

  #allFailed(commits: readonly CommitRequest[], error: unknown): GroupResult {
    const outcome = outcomeOf(error)
    return { outcomes: commits.map(() => outcome), committed: undefined, inDoubt: this.#doubtful.length > 0 }
  }
}

/**
 * The same news with one item for all messages of a room: of events that name no user only the last position counts. A group of sixty messages would else
 * be copied to the serving thread, and looked at by each who listens there, sixty times.
 */
const withoutRepeats = (announcements: readonly Announcement[]): readonly Announcement[] => {
  if (announcements.length < 2) return announcements
  const told: Announcement[] = []
  const places = new Map<number, number>()
  for (const announcement of announcements) {
    const { stream, rooms, users } = announcement
    const room = stream === 'events' && users.length === 0 && rooms.length === 1 ? rooms[0] : undefined
    const place = room === undefined ? undefined : places.get(room)
    if (place !== undefined) told[place] = announcement
    else {
      if (room !== undefined) places.set(room, told.length)
      told.push(announcement)
    }
  }
  return told
}

/** The positions of these streams alone: little has to be copied to those who are told. */
const asFarAs = (streams: Positions, positions: Positions): Positions =>
  Object.fromEntries(Object.keys(streams).map((stream) => [stream, positions[stream as DurableStream]])) as Positions

const tryApart = (error: unknown): never => {
  if (error instanceof StoreUnavailable) throw error
  throw new RunApart()
}

/** The outcome of a commit that threw. */
export const outcomeOf = (error: unknown): Outcome => {
  if (error instanceof WriteConflict) return { kind: 'conflict', conflict: error.kind, detail: error.message }
  if (error instanceof StoreUnavailable) return { kind: 'unavailable', reason: error.reason, detail: error.detail }
  if (error instanceof UnstorableText) return { kind: 'unstorable' }
  if (error instanceof Error) return { kind: 'failed', message: error.message, stack: error.stack ?? '' }
  return { kind: 'failed', message: String(error), stack: '' }
}
