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

/** The changes of one commit, as they travel to the writer. */
export type CommitRequest = readonly { readonly operation: string; readonly input: unknown }[]

/** What became of one commit, as plain data. */
export type Outcome =
  | { readonly kind: 'done'; readonly outputs: readonly unknown[] }
  | { readonly kind: 'conflict'; readonly conflict: string; readonly detail: string }
  | { readonly kind: 'unstorable' }
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string }
  | { readonly kind: 'unavailable'; readonly reason: UnavailableReason; readonly detail: string }

export interface GroupResult {
  readonly outcomes: readonly Outcome[]
  /** undefined where nothing was changed. */
  readonly committed: Committed | undefined
  /** A commit may have happened without being told: another group, be it an empty one, will find out. */
  readonly inDoubt: boolean
}

/** A commit that got no answer: what it would have told, and how far the streams reach if it happened. */
interface Doubtful {
  readonly announcements: readonly Announcement[]
  readonly advanced: Positions
}

/** Thrown inside to leave the optimistic run. */
class RunCarefully extends Error {}

const USER_CACHE_BYTES = 16 * 1024 * 1024
const FACT_CACHE_BYTES = 8 * 1024 * 1024
/** Two processes whose groups wait for each other's rows: the database undoes one of them whole, and it can be run again. */
const MAX_DEADLOCKS = 5

/** Runs groups of commits, one group in one transaction. One at a time: the caller waits for the answer. */
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
        sizeBytes: (_, userId) => userId.length + 64,
      }),
      facts: new BoundedCache({
        name: 'store-facts',
        limitBytes: FACT_CACHE_BYTES,
        sizeBytes: (_, fact) => fact.length + 64,
      }),
    }
  }

  /** Never throws: every commit has an outcome. */
  async run(commits: readonly CommitRequest[]): Promise<GroupResult> {
    const locks = this.#locksOf(commits)
    let mode: 'together' | 'apart' = 'together'
    for (let deadlocks = 0; ; ) {
      try {
        return await this.#attempt(commits, locks, mode)
      } catch (error) {
        if (error instanceof RunCarefully && mode === 'together') mode = 'apart'
        else if (!(error instanceof StoreUnavailable) || error.reason !== 'deadlock' || ++deadlocks >= MAX_DEADLOCKS)
          return this.#allFailed(commits, error)
      }
    }
  }

  /**
   * The locks that these commits need, and those in doubt. A write that names the streams of its table is kept apart from its like by them; all
   * others, and those that end sessions, share one lock, for they ask before they write.
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
   * 'together' trusts that every commit works, which nearly always holds: no savepoints, inserts gathered over the whole group.
   * Where one does not and has already written, all is undone and run again 'apart', each behind a savepoint.
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
      if (mode === 'together') await tx.flush().catch(leaveOptimism)
      if (!tx.changed) {
        await connection.rollback()
        this.#doubtful = []
        const committed = late.length === 0 ? undefined : { announcements: late, before, positions: before }
        return { outcomes, committed, inDoubt: false }
      }
      await this.#commit(tx)
      const committed = { announcements: [...late, ...tx.announcements], before, positions: tx.positions }
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
   * What commits without an answer have to tell, now that positions are locked again and show whether they happened. Where
   * another process went as far instead, waking somebody for nothing does no harm.
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
      // Most conflicts are found before anything is written: then there is nothing to undo.
      if (!(error instanceof WriteConflict) || tx.touchedSince(mark)) throw new RunCarefully()
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
      outputs.push(await write.perform(tx, input))
    }
    return outputs
  }

  #allFailed(commits: readonly CommitRequest[], error: unknown): GroupResult {
    const outcome = outcomeOf(error)
    return { outcomes: commits.map(() => outcome), committed: undefined, inDoubt: this.#doubtful.length > 0 }
  }
}

const leaveOptimism = (error: unknown): never => {
  if (error instanceof StoreUnavailable) throw error
  throw new RunCarefully()
}

/** What became of a commit that threw. */
export const outcomeOf = (error: unknown): Outcome => {
  if (error instanceof WriteConflict) return { kind: 'conflict', conflict: error.kind, detail: error.message }
  if (error instanceof StoreUnavailable) return { kind: 'unavailable', reason: error.reason, detail: error.detail }
  if (error instanceof UnstorableText) return { kind: 'unstorable' }
  if (error instanceof Error) return { kind: 'failed', message: error.message, stack: error.stack ?? '' }
  return { kind: 'failed', message: String(error), stack: '' }
}
