import { type Clock, growingPause, type Logger } from '#base'
import type { PushGateways } from '#net'
import type { Commit, PusherKind, PusherNumber, PushersReader, PushersWriter } from '#store'
import { notificationText, targetOf, tellsCounts } from './notification.ts'
import type { Notice, PushUser, PushViews } from './push-views.ts'

/** One pusher as `Push` sees it, whatever it sends. */
export interface Line {
  readonly pusher: PusherNumber
  readonly kind: PusherKind
  /** There may be an event. `quietUpTo`: events up to this position do not concern this pusher, unless it was woken for some before. */
  wake(quietUpTo?: number): void
  /** The user has read something. */
  wakeForBadge(): void
  /** The number of unread events may have changed otherwise. */
  wakeForRecount(): void
  retag(profileTag: string | undefined): void
  /** Whether nothing is left to do up to that position. */
  idleBehind(position: number): boolean
  /** The cursor was moved there, as there was nothing to deliver. */
  skipped(position: number): void
  /** Resolves after the delivery under way. */
  stop(): Promise<void>
}

export interface LineStart {
  readonly pusher: PushedTo
  /** The newest position of the stream of events. */
  readonly position: () => number
  /** Does work in turns among all pushers. */
  readonly inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>
  /** To be called once the pusher is gone. */
  readonly ended: () => void
}

export interface PushedTo extends PushUser {
  readonly pusher: PusherNumber
  readonly position: number
  /** Set just now, so that no gateway shows a count that this pusher told it. */
  readonly isNew: boolean
}

export interface PusherLineParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly store: PusherStore
  /** Answered in turns among all pushers. */
  readonly views: Pick<PushViews, 'next' | 'unread'>
  readonly gateways: Pick<PushGateways, 'notify'>
  /** The newest position of the stream of events. */
  readonly position: () => number
  readonly pusher: PushedTo
  /** Called once the pusher is gone. */
  readonly ended: () => void
}

export interface PusherStore {
  readonly reader: PushersReader
  readonly writer: PushersWriter
  readonly commit: Commit
}

const PAUSES = { firstMs: 1_000, longestMs: 3_600_000 }
/** A gateway that could not be reached for so long is not told any more of what was then. */
const GIVE_UP_MS = 24 * 3_600_000

/** One pusher: its notifications are delivered in order, one request at a time, and none is skipped before later ones. */
export class PusherLine implements Line {
  readonly pusher: PusherNumber
  readonly kind = 'http'
  readonly owner: PushUser
  readonly #parts: PusherLineParts
  /** Events up to this position are delivered, or do not concern this pusher. */
  #reached: number
  /** The cursor in the database as last written or read here: at most `#reached`. */
  #stored: number
  #due = false
  #badgeDue = false
  /** The unread count last sent to the gateway. */
  #badge: number | undefined
  #running: Promise<void> | undefined
  #cancelPause: (() => void) | undefined
  #failures = 0
  #failingSinceMs = 0
  #stopped = false
  #profileTag: string | undefined
  readonly #isNew: boolean

  constructor(parts: PusherLineParts) {
    const { pusher } = parts
    this.#parts = parts
    this.#isNew = pusher.isNew
    this.pusher = pusher.pusher
    this.owner = { user: pusher.user, userId: pusher.userId }
    this.#profileTag = pusher.profileTag
    this.#reached = pusher.position
    this.#stored = pusher.position
  }

  /** Searches for an event, as there may be one. `quietUpTo`: events up to this position do not concern this pusher, unless it was woken for some before. */
  wake(quietUpTo = 0): void {
    if (!this.#due && this.#running === undefined) this.#reached = Math.max(this.#reached, quietUpTo)
    this.#due = true
    this.#run()
  }

  /** Sends the unread count to the gateway if it has changed, as the user has read something. */
  wakeForBadge(): void {
    this.#badgeDue = true
    this.#run()
  }

  /** The same where the count may have changed by what the user did not read: by rules, ignored users, redactions, the end of a stay. */
  wakeForRecount(): void {
    if (this.#isNew) this.#badge ??= 0
    this.wakeForBadge()
  }

  /** Sets the profile tag, as the pusher was set again. */
  retag(profileTag: string | undefined): void {
    this.#profileTag = profileTag
  }

  /** Whether nothing is left to do up to that position, so that the cursor may be moved there without a delivery. */
  idleBehind(position: number): boolean {
    return !this.#due && this.#running === undefined && this.#stored < position
  }

  skipped(position: number): void {
    this.#stored = Math.max(this.#stored, position)
    this.#reached = Math.max(this.#reached, position)
  }

  /** Resolves after the delivery under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelPause?.()
    await this.#running
  }

  #run(): void {
    if (this.#running !== undefined || this.#cancelPause !== undefined || this.#stopped) return
    this.#running = this.#work()
      .catch((err: unknown) => {
        this.#parts.logger.warn({ err, pusher: this.pusher }, 'a pusher could not go on; it is tried again')
        this.#pause()
      })
      .finally(() => {
        this.#running = undefined
        // Something may have come between the end of the work and this moment.
        if (this.#due || this.#badgeDue) this.#run()
      })
  }

  async #work(): Promise<void> {
    while ((this.#due || this.#badgeDue) && !this.#stopped && this.#cancelPause === undefined) {
      if (!(await this.#step())) return
    }
  }

  /** Makes the next delivery, if there is one. Returns false if it cannot be made now. */
  async #step(): Promise<boolean> {
    const { views, position } = this.#parts
    const badgeAsked = this.#badgeDue
    this.#badgeDue = false
    this.#due = false
    const upTo = position()
    const user = { ...this.owner, profileTag: this.#profileTag }
    const { notice, reached, recount } = await this.#orDue(() => views.next(user, this.#reached, upTo))
    if (notice !== undefined) {
      this.#due = true
      this.#badgeDue ||= badgeAsked
      return this.#deliver(notice, reached)
    }
    this.#reached = reached
    if (recount) this.wakeForRecount()
    return badgeAsked ? this.#deliverBadge() : true
  }

  /** Work that throws is to be done again. */
  async #orDue<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      this.#due = true
      throw error
    }
  }

  async #deliver(notice: Notice, reached: number): Promise<boolean> {
    if (!(await this.#send(notice))) return false
    // Before the next one is searched for, so that at most this one is delivered twice after a crash.
    const { commit, writer } = this.#parts.store
    await commit([writer.advance([this.pusher], reached)])
    this.#reached = reached
    this.#stored = reached
    return true
  }

  async #deliverBadge(): Promise<boolean> {
    const unread = await this.#parts.views.unread(this.owner)
    if (unread === this.#badge) return true
    if (await this.#send(undefined)) return true
    this.#badgeDue = true
    return false
  }

  async #send(notice: Notice | undefined): Promise<boolean> {
    const { store, views, gateways, logger } = this.#parts
    const { reader, writer, commit } = store
    // Read each time: it may have been removed or changed.
    const record = await reader.pusher(this.pusher)
    const target = record === undefined ? undefined : targetOf(record)
    if (record === undefined || target === undefined) return this.#end()
    // A locked account can read nothing, and a notification is a way to read. What comes while a pusher is switched off is not pushed later.
    if (record.locked || !record.enabled) return true
    if (notice === undefined && !tellsCounts(target.data)) return true
    const unread = await views.unread(this.owner)
    const answer = await gateways.notify(target.url, notificationText(record, target.data, notice, unread))
    if (answer.kind === 'failed') {
      logger.debug({ pusher: this.pusher, reason: answer.reason }, 'a push gateway did not take a notification')
      return this.#failed()
    }
    this.#failures = 0
    this.#badge = unread
    if (!answer.rejected.includes(record.pushkey)) return true
    await commit([writer.reject(this.pusher)])
    logger.info({ pusher: this.pusher, userId: record.userId }, 'a push gateway rejected a pushkey; its pusher is gone')
    return this.#end()
  }

  #end(): false {
    this.#stopped = true
    this.#due = false
    this.#badgeDue = false
    this.#parts.ended()
    return false
  }

  async #failed(): Promise<boolean> {
    const { clock, store, position, logger } = this.#parts
    const { commit, writer } = store
    if (this.#failures === 0) this.#failingSinceMs = clock.nowMs()
    if (clock.nowMs() - this.#failingSinceMs >= GIVE_UP_MS) {
      // Read before the commit, so that an event which comes during it is still due.
      const now = position()
      this.#due = false
      await this.#orDue(() => commit([writer.advance([this.pusher], now)]))
      this.skipped(now)
      this.#failures = 0
      logger.info({ pusher: this.pusher }, 'a push gateway was not reached for a day; what is older is not pushed')
      return false
    }
    this.#pause()
    return false
  }

  #pause(): void {
    if (this.#stopped) return
    this.#failures++
    this.#cancelPause = this.#parts.clock.after(growingPause(this.#failures, PAUSES), () => {
      this.#cancelPause = undefined
      this.#run()
    })
  }
}
