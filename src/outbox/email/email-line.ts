import { type Clock, growingPause, type Logger } from '#base'
import type { MailOutcome, OutgoingMail } from '#net'
import { isJsonObject, stringAt } from '#spec'
import type { PusherNumber, PusherRecord, RoomNumber, UserNumber } from '#store'
import type { PushUser, PushViews } from '../push/push-views.ts'
import type { Line, LineStart, PusherStore } from '../push/pusher-line.ts'
import { Digest, type DigestRoom, plain } from './digest.ts'
import { digestMail } from './digest-mail.ts'
import {
  allowedAtMs,
  type MailPace,
  type MailProgress,
  mailedNow,
  readProgress,
  readyAtMs,
  writeProgress,
} from './progress.ts'

/** The questions that digests ask besides those of all pushers; wired in `app`. */
export interface MailViews extends Pick<PushViews, 'next'> {
  isEncrypted(room: RoomNumber): Promise<boolean>
  /** Whether a receipt of the user in the room stands at that position or later. */
  hasRead(user: PushUser, room: RoomNumber, position: number): Promise<boolean>
}

export interface EmailSettings extends MailPace {
  readonly serverName: string
  /** The web app whose rooms links open. */
  readonly webClient: string
}

export interface EmailParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly store: PusherStore
  readonly views: MailViews
  readonly mailer: { send(mail: OutgoingMail): Promise<MailOutcome> }
  /** Whether the address is a validated one of the user still. */
  readonly isOwn: (user: UserNumber, address: string) => Promise<boolean>
  readonly unsubscribeUrl: (pusher: PusherNumber) => string
  readonly settings: EmailSettings
}

/** Events that one mail tells of. */
const MAX_EVENTS = 60
const PAUSES = { firstMs: 60_000, longestMs: 3_600_000 }
/** Mails that could not be sent for so long are not sent any more. */
const GIVE_UP_MS = 24 * 3_600_000
/** An address that the mail server refused so often gets no more mails. */
const MAX_REFUSALS = 5

interface Waiting {
  readonly atMs: number
  readonly why: 'unread' | 'failed'
  cancel(): void
}

/**
 * One pusher of kind `email`. Unread events wait for their reader; if nobody comes, one mail tells of all of them. Each event is mailed at most
 * once, and what was read, taken back or ignored meanwhile is not. The cursor moves when the mail server has taken the mail.
 */
export class EmailLine implements Line {
  readonly pusher: PusherNumber
  readonly kind = 'email'
  readonly #parts: EmailParts
  readonly #start: LineStart
  #owner: PushUser
  /** Events up to this position were mailed, or need not be. */
  #reached: number
  /** Events up to this position were looked at: those that wait have a timer. */
  #looked: number
  #stored: number
  #due = false
  #mailDue = false
  #waiting: Waiting | undefined
  #running: Promise<void> | undefined
  #failures = 0
  #failingSinceMs = 0
  /** Until the first look, what waits may have waited before a restart. */
  #resumed: boolean
  #stopped = false
  readonly #stop = Promise.withResolvers<void>()

  constructor(parts: EmailParts, start: LineStart) {
    const { pusher, user, userId, position, isNew, profileTag } = start.pusher
    this.#parts = parts
    this.#start = start
    this.pusher = pusher
    this.#owner = { user, userId, profileTag }
    this.#reached = position
    this.#looked = position
    this.#stored = position
    this.#resumed = !isNew
  }

  wake(quietUpTo = 0): void {
    if (!this.#due && this.#running === undefined && this.#waiting === undefined) this.#skip(quietUpTo)
    this.#due = true
    this.#run()
  }

  /** A mail holds no counts: what was read is found when it is written. */
  wakeForBadge(): void {}
  wakeForRecount(): void {}

  retag(profileTag: string | undefined): void {
    this.#owner = { ...this.#owner, profileTag }
  }

  idleBehind(position: number): boolean {
    const isIdle = !this.#due && !this.#mailDue && this.#running === undefined && this.#waiting === undefined
    return isIdle && this.#stored < position
  }

  skipped(position: number): void {
    this.#stored = Math.max(this.#stored, position)
    this.#skip(position)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#waiting?.cancel()
    this.#stop.resolve()
    await this.#running
  }

  #skip(position: number): void {
    this.#reached = Math.max(this.#reached, position)
    this.#looked = Math.max(this.#looked, this.#reached)
  }

  #run(): void {
    if (this.#running !== undefined || this.#stopped || !this.#hasWork()) return
    this.#running = this.#work()
      .catch((err: unknown) => {
        this.#parts.logger.warn({ err, pusher: this.pusher }, 'a pusher of mails could not go on; it is tried again')
        this.#wait(this.#parts.clock.nowMs() + PAUSES.firstMs, 'failed')
      })
      .finally(() => {
        this.#running = undefined
        this.#run()
      })
  }

  /** Nothing is looked for while a mail is to come at the earliest time at which any could. */
  #hasWork(): boolean {
    const waiting = this.#waiting
    if (waiting?.why === 'failed') return false
    return this.#mailDue || (this.#due && (waiting === undefined || waiting.atMs > this.#soonestMs()))
  }

  #soonestMs(): number {
    return this.#parts.clock.nowMs() + this.#parts.settings.firstDelayMs
  }

  async #work(): Promise<void> {
    while (this.#hasWork() && !this.#stopped) {
      if (this.#mailDue) await this.#mail()
      else await this.#look()
    }
  }

  /** Looks for unread events, and sets the time at which they are mailed. */
  async #look(): Promise<void> {
    const { clock, store, views, settings } = this.#parts
    this.#due = false
    const upTo = this.#start.position()
    let progress: MailProgress | undefined
    while (this.#looked < upTo && !this.#stopped) {
      const { notice, reached } = await this.#start.inTurn(() => views.next(this.#owner, this.#looked, upTo))
      this.#looked = reached
      if (notice === undefined) break
      const nowMs = clock.nowMs()
      const seenAtMs = this.#resumed ? Math.min(Math.max(notice.sentAtMs, nowMs - settings.firstDelayMs), nowMs) : nowMs
      progress ??= readProgress((await store.reader.pusher(this.pusher))?.progressJson)
      const readyMs = Math.max(await this.#readyAt(progress, notice.room), allowedAtMs(progress, settings, nowMs))
      this.#wait(Math.max(seenAtMs + settings.firstDelayMs, readyMs), 'unread')
      if (this.#waiting !== undefined && this.#waiting.atMs <= this.#soonestMs()) break
    }
    this.#resumed = false
    // Cut short by a stop, the rest is to be looked at after the next start.
    if (this.#stopped) this.#due = true
    else if (this.#waiting === undefined) this.#reached = this.#looked
  }

  async #readyAt({ rooms }: MailProgress, room: RoomNumber): Promise<number> {
    const before = rooms.get(room)
    if (before === undefined) return 0
    return readyAtMs(before, await this.#parts.views.hasRead(this.#owner, room, before.position))
  }

  /** Waits until that time, unless something is to be done earlier. */
  #wait(atMs: number, why: Waiting['why']): void {
    if (this.#stopped || (this.#waiting !== undefined && this.#waiting.atMs <= atMs && why === 'unread')) return
    this.#waiting?.cancel()
    const cancel = this.#parts.clock.after(Math.max(0, atMs - this.#parts.clock.nowMs()), () => {
      this.#waiting = undefined
      this.#mailDue = true
      this.#run()
    })
    this.#waiting = { atMs, why, cancel }
  }

  async #mail(): Promise<void> {
    const { clock, store, settings, isOwn } = this.#parts
    this.#mailDue = false
    const record = await store.reader.pusher(this.pusher)
    if (record?.kind !== 'email') return this.#end()
    if (!(await isOwn(record.user, record.pushkey))) return this.#remove('its address is none of the account any more')
    // Read before the search, so that an event which comes during it is still due.
    const upTo = this.#start.position()
    // A locked account can read nothing, and a mail is a way to read. What comes while a pusher is switched off is not mailed later.
    if (record.locked || !record.enabled) return this.#doneUpTo(upTo)
    const { digest, more } = await this.#collect(upTo)
    // A stop cut the search short: it is made again after the next start.
    if (this.#stopped) {
      this.#mailDue = true
      return
    }
    if (digest.size === 0) return this.#doneUpTo(upTo)
    const progress = readProgress(record.progressJson)
    const rooms = await this.#withReadiness(digest.rooms(), progress)
    const nowMs = clock.nowMs()
    const readyMs = Math.min(...rooms.map(({ readyMs: one }) => one))
    const atMs = Math.max(readyMs, allowedAtMs(progress, settings, nowMs))
    if (atMs > nowMs) {
      this.#looked = upTo
      return this.#wait(atMs, 'unread')
    }
    const next = mailedNow(progress, rooms, settings, nowMs)
    await this.#send(record, { rooms, more }, { upTo, next, unchanged: progress })
  }

  async #collect(upTo: number): Promise<{ readonly digest: Digest; readonly more: boolean }> {
    const { views } = this.#parts
    const digest = new Digest()
    const encrypted = new Map<RoomNumber, boolean>()
    let after = this.#reached
    while (after < upTo && !this.#stopped) {
      const { notice, reached } = await this.#start.inTurn(() => views.next(this.#owner, after, upTo))
      after = reached
      if (notice === undefined) break
      if (digest.size === MAX_EVENTS) return { digest, more: true }
      const isEncrypted = encrypted.get(notice.room) ?? (await views.isEncrypted(notice.room))
      encrypted.set(notice.room, isEncrypted)
      digest.add(notice, isEncrypted)
    }
    return { digest, more: false }
  }

  async #withReadiness(rooms: readonly DigestRoom[], progress: MailProgress) {
    const ready: (DigestRoom & { readonly hasRead: boolean; readonly readyMs: number })[] = []
    for (const room of rooms) {
      const before = progress.rooms.get(room.room)
      const hasRead = before !== undefined && (await this.#parts.views.hasRead(this.#owner, room.room, before.position))
      ready.push({ ...room, hasRead, readyMs: readyAtMs(before, hasRead) })
    }
    return ready
  }

  async #send(
    record: PusherRecord,
    { rooms, more }: { readonly rooms: readonly DigestRoom[]; readonly more: boolean },
    { upTo, next, unchanged }: { readonly upTo: number; readonly next: MailProgress; readonly unchanged: MailProgress },
  ): Promise<void> {
    const { mailer, settings, unsubscribeUrl } = this.#parts
    const mail = digestMail({
      to: record.pushkey,
      userId: record.userId,
      lang: record.lang,
      brand: brandOf(record) || settings.serverName,
      app: plain(record.appDisplayName),
      ...{ rooms, more, webClient: settings.webClient, unsubscribeUrl: unsubscribeUrl(this.pusher) },
    })
    // A stop does not wait for the mail server: the mail may go out again after the next start.
    const outcome = await Promise.race([mailer.send(mail), this.#stop.promise])
    if (outcome === undefined) {
      this.#mailDue = true
      return
    }
    if (outcome === 'sent') {
      this.#failures = 0
      return this.#store(upTo, next)
    }
    await this.#failed(outcome, upTo, unchanged)
  }

  async #failed(outcome: 'refused' | 'failed', upTo: number, progress: MailProgress): Promise<void> {
    const { clock, logger } = this.#parts
    const nowMs = clock.nowMs()
    if (this.#failures === 0) this.#failingSinceMs = nowMs
    this.#failures += 1
    if (outcome === 'refused') {
      const refusals = progress.refusals + 1
      if (refusals >= MAX_REFUSALS) return this.#remove('the mail server refuses its address')
      await this.#store(this.#reached, { ...progress, refusals })
    }
    if (nowMs - this.#failingSinceMs >= GIVE_UP_MS) {
      this.#failures = 0
      logger.info({ pusher: this.pusher }, 'a mail could not be sent for a day; what it told of is not mailed')
      return this.#store(upTo, progress)
    }
    this.#wait(nowMs + growingPause(this.#failures, PAUSES), 'failed')
  }

  async #store(upTo: number, progress: MailProgress): Promise<void> {
    const { commit, writer } = this.#parts.store
    await commit([writer.mailed(this.pusher, upTo, writeProgress(progress))])
    this.skipped(upTo)
    this.#due ||= this.#start.position() > upTo
  }

  #doneUpTo(position: number): void {
    this.#skip(position)
    this.#due ||= this.#start.position() > position
  }

  async #remove(reason: string): Promise<void> {
    const { store, logger } = this.#parts
    await store.commit([store.writer.reject(this.pusher)])
    logger.info({ pusher: this.pusher, userId: this.#owner.userId, reason }, 'a pusher of mails is gone')
    this.#end()
  }

  #end(): void {
    this.#stopped = true
    this.#waiting?.cancel()
    this.#start.ended()
  }
}

const brandOf = ({ dataJson }: PusherRecord): string => {
  const data: unknown = JSON.parse(dataJson)
  return isJsonObject(data) ? plain(stringAt(data, 'brand') ?? '', 40) : ''
}
