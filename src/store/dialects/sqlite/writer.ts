import { Worker } from 'node:worker_threads'
import type { Clock, Logger } from '#base'
import { SchemaTooNew, StoreUnavailable } from '../../ports/engine/faults.ts'
import type { CommitQueue, GroupAnswer, Submitted } from '../../sql/engine/commit-queue.ts'
import { packCommits, unpackAnswer } from '../../sql/engine/packing.ts'
import { allWrites } from '../../sql/ports.ts'
import type { FileOptions } from './file.ts'
import { InPlace } from './in-place.ts'
import type { FromWriter, ToWriter, WriterData } from './thread-messages.ts'

const FIRST_RESTART_MS = 100
const LONGEST_RESTART_MS = 10_000
/** After commits that came at the same time, the next ones are taken for a crowd too for so long. */
const CROWD_MS = 20

interface WriterParts {
  readonly clock: Clock
  readonly logger: Logger
  /** Whether lone commits are made in the serving thread while the disk is quick. */
  readonly inPlace: boolean
  /** Called for each group with its number of commits. */
  onCommits(count: number): void
  readonly isCheckpointing: () => boolean
}

/**
 * The serving thread's handle on the writing thread. If the thread fails another one is started, after growing pauses. Commits that come one
 * after another are made in the serving thread instead while the disk is quick: see `InPlace`. All commits have one order, that in which they were given.
 */
export class SqliteWriter {
  readonly #options: FileOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #onCommits: (count: number) => void
  readonly #writes = allWrites()
  readonly #inPlace: InPlace | undefined
  #signal = new Int32Array(new SharedArrayBuffer(4))
  /** Commits of this turn of the event loop. */
  #outbox: Submitted[] = []
  /** Whether a commit is being made in this thread: what comes meanwhile waits for its end. */
  #busy = false
  /** When commits last came while others were under way, on the monotonic clock. */
  #crowdedAtMs = Number.NEGATIVE_INFINITY
  /** Commits that the thread has and has not answered. */
  #underWay = 0
  #queue: CommitQueue | undefined
  #thread: Worker | undefined
  #restartMs = FIRST_RESTART_MS
  #cancelRestart: (() => void) | undefined
  #closing = false

  constructor(options: FileOptions, { clock, logger, inPlace, onCommits, isCheckpointing }: WriterParts) {
    const here = { clock, file: options, writes: this.#writes, isCheckpointing }
    this.#inPlace = inPlace ? new InPlace(here) : undefined
    this.#options = options
    this.#clock = clock
    this.#logger = logger
    this.#onCommits = onCommits
  }

  /** Resolves when the schema is up to date and commits can come. Throws `SchemaTooNew` and `StoreUnavailable`. */
  start(queue: CommitQueue): Promise<void> {
    this.#queue = queue
    return this.#startThread()
  }

  /** Makes a lone commit in this turn of the event loop, or sends it at once to a thread that has nothing to do; where others came just before, with all of this turn as one message. */
  send(submitted: Submitted): void {
    if (this.#thread === undefined) throw new StoreUnavailable('broken', 'the writing thread is being started again')
    const isFree = this.#underWay === 0 && !this.#busy && this.#outbox.length === 0
    if (!isFree) this.#crowdedAtMs = this.#clock.monotonicMs()
    this.#outbox.push(submitted)
    if (this.#outbox.length > 1 || this.#busy) return
    // In a crowd the next ones of this turn are waited for: a commit sent before them would be a group, and a sync, of its own.
    if (isFree && !this.#isCrowded() && !this.#takesHere(submitted)) this.#flush()
    else this.#clock.soon(() => this.#flush())
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#cancelRestart?.()
    this.#inPlace?.close()
    const thread = this.#thread
    if (thread === undefined) return
    this.#flush()
    const ended = new Promise((resolve) => thread.once('exit', resolve))
    this.#post(thread, 'close')
    await ended
  }

  #flush(): void {
    if (this.#outbox.length === 0 || this.#busy) return
    const outbox = this.#outbox
    this.#outbox = []
    const [first, ...others] = outbox
    if (first !== undefined && others.length === 0 && this.#underWay === 0 && this.#takesHere(first))
      void this.#commitHere(first)
    else this.#toThread(outbox)
  }

  /** Others' commits could be made while a sync is waited for, so where there are others the thread makes all. */
  #takesHere(submitted: Submitted): boolean {
    if (this.#inPlace === undefined || this.#closing || this.#thread === undefined) return false
    return (!this.#isCrowded() || this.#inPlace.inDoubt) && this.#inPlace.takes(submitted)
  }

  #isCrowded(): boolean {
    return this.#clock.monotonicMs() - this.#crowdedAtMs <= CROWD_MS
  }

  async #commitHere(submitted: Submitted): Promise<void> {
    this.#busy = true
    try {
      const answer = await this.#inPlace?.run(submitted)
      if (answer === undefined) {
        this.#toThread([submitted])
        return
      }
      this.#onCommits(1)
      this.#queue?.settle(answer)
    } catch (error) {
      // A fault of ours.
      this.#queue?.refuse(submitted.id, error)
    } finally {
      this.#busy = false
      if (this.#outbox.length > 0) this.#clock.soon(() => this.#flush())
    }
  }

  #toThread(outbox: readonly Submitted[]): void {
    const thread = this.#thread
    // Without a thread these commits have failed already, with all others under way.
    if (thread === undefined) return
    this.#inPlace?.passed()
    try {
      this.#post(thread, packCommits(outbox, this.#writes))
      this.#underWay += outbox.length
    } catch {
      for (const submitted of outbox) this.#postAlone(thread, submitted)
    }
  }

  /** Sends one commit of a message that could not be copied to the thread: the one at fault fails, and the others go on. */
  #postAlone(thread: Worker, submitted: Submitted): void {
    try {
      this.#post(thread, packCommits([submitted], this.#writes))
      this.#underWay++
    } catch (error) {
      this.#queue?.refuse(submitted.id, error)
    }
  }

  #post(thread: Worker, message: ToWriter): void {
    thread.postMessage(message)
    Atomics.add(this.#signal, 0, 1)
    Atomics.notify(this.#signal, 0)
  }

  #answered(answer: GroupAnswer): void {
    this.#underWay -= answer.ids.length
    this.#onCommits(answer.ids.length)
    // Whoever asks what became of a commit has to ask again until this thread is asked.
    this.#queue?.settle(this.#inPlace?.inDoubt === true ? { ...answer, inDoubt: true } : answer)
  }

  #startThread(): Promise<void> {
    return new Promise((resolve, reject) => {
      // A new number for each thread: the one before may still sleep on the old one.
      this.#signal = new Int32Array(new SharedArrayBuffer(4))
      const workerData: WriterData = { file: this.#options, signal: this.#signal }
      const thread = new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData, name: 'writes' })
      let failure: unknown
      thread.on('message', (message: FromWriter) => {
        if (!('kind' in message)) {
          this.#answered(unpackAnswer(message, this.#writes))
          return
        }
        switch (message.kind) {
          case 'ready':
            this.#thread = thread
            this.#restartMs = FIRST_RESTART_MS
            resolve()
            return
          case 'too-new':
            failure = new SchemaTooNew(message.unknown)
            return
          case 'unavailable':
            failure = new StoreUnavailable(message.reason, message.detail)
        }
      })
      thread.on('error', (error) => {
        failure = error
      })
      thread.on('exit', () => {
        // Matters only if the thread never became ready: later the promise is resolved already.
        reject(failure ?? new StoreUnavailable('broken', 'the writing thread ended'))
        if (this.#thread === thread) this.#lost(failure)
      })
    })
  }

  #lost(failure: unknown): void {
    this.#thread = undefined
    this.#underWay = 0
    if (this.#closing) return
    this.#logger.error({ err: failure }, 'the writing thread ended; starting another')
    this.#queue?.failAll('broken', 'the writing thread ended')
    this.#restart()
  }

  #restart(): void {
    this.#cancelRestart = this.#clock.after(this.#restartMs, () => {
      this.#restartMs = Math.min(this.#restartMs * 2, LONGEST_RESTART_MS)
      this.#startThread().catch((error: unknown) => {
        this.#logger.error({ err: error }, 'the writing thread did not start')
        if (!this.#closing) this.#restart()
      })
    })
  }
}
