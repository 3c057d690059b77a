import type { Clock, Random } from '#base'
import { canonicalJson } from '#rules'
import { type JsonObject, MatrixError, type RoomId } from '#spec'
import type { Commit, DelayAnswer, DelayedEvent, DelayedEventsReader, DelayedEventsWriter } from '#store'
import { type SendDelayed, standOf } from './send-delayed.ts'

export interface DelaySettings {
  readonly maxDelayMs: number
  /** 0: nobody may delay events. */
  readonly maxScheduled: number
}

/** Heard when events are scheduled. */
export interface DelayNews {
  /** An event is due at that time, or later if its delay is restarted. */
  due(atMs: number): void
  /** State is scheduled for the room. */
  state(roomId: RoomId): Promise<void>
}

export interface DelayedEventsParts {
  readonly reader: DelayedEventsReader
  readonly writer: DelayedEventsWriter
  readonly commit: Commit
  readonly positions: { positions(): { readonly events: number } }
  readonly settings: DelaySettings
  readonly sending: SendDelayed
  readonly news: DelayNews
  readonly tools: { readonly clock: Clock; readonly random: Random }
}

/** An event to be sent later, as a client asks for it. */
export interface DelayRequest {
  readonly user: number
  readonly device: number
  readonly transactionKey: string | undefined
  readonly roomId: RoomId
  readonly type: string
  readonly stateKey: string | undefined
  readonly content: JsonObject
  readonly stickyMs: number | undefined
  readonly delayMs: number
}

export type DelayAction = 'send' | 'cancel' | 'restart'

/** The credential of a delayed event: nobody guesses 36 letters and digits. */
const ID_LENGTH = 36
/** No event is larger. */
const MAX_CONTENT_BYTES = 65_536
const MAX_NAME_BYTES = 255
/** Of all content that one user has scheduled; at least one event of any size. */
const MAX_SCHEDULED_BYTES = 1024 * 1024

/**
 * Events that are sent later (MSC4140). They are rows of the database, so they outlive a restart; whether their sender may send them shows when they are
 * due. A room that there is not, or that the user is not in, is no reason to refuse one: nothing would be told before it is sent.
 */
export class DelayedEvents {
  readonly #parts: DelayedEventsParts

  constructor(parts: DelayedEventsParts) {
    this.#parts = parts
  }

  /**
   * Returns the delay id. Throws `M_FORBIDDEN` for too long a delay, `M_LIMIT_EXCEEDED` with `Retry-After` if the user has too many scheduled,
   * `M_TOO_LARGE`, `M_BAD_JSON`.
   */
  async schedule(request: DelayRequest): Promise<string> {
    const { settings, tools, writer, commit, positions, news } = this.#parts
    const { user, device, transactionKey, roomId, type, stateKey, stickyMs, delayMs } = request
    if (settings.maxScheduled === 0) throw new MatrixError('M_FORBIDDEN', 'Events cannot be delayed here')
    if (request.delayMs > settings.maxDelayMs)
      throw new MatrixError('M_FORBIDDEN', `An event can be delayed by ${settings.maxDelayMs} ms at most`)
    const event = {
      ...{ user, device, transactionKey, roomId, type, stateKey, stickyMs, delayMs },
      ...checked(request),
      delayId: tools.random.token(ID_LENGTH),
      scheduledAtMs: tools.clock.nowMs(),
      afterPosition: positions.positions().events,
    }
    const limits = { scheduled: settings.maxScheduled, scheduledBytes: MAX_SCHEDULED_BYTES }
    const [added] = await commit([writer.add(event, limits)])
    if (added.kind === 'full') throw tooMany((added.nextDueMs ?? 0) - tools.clock.nowMs())
    news.due(added.dueAtMs)
    if (request.stateKey !== undefined) await news.state(request.roomId)
    return added.delayId
  }

  /**
   * `ofUser`: only their own. Returns where it is as the action wants it. Throws `M_NOT_FOUND`, `M_UNKNOWN` (409) where it has ended in another way, and
   * with `send` what stands against sending: then it is still scheduled.
   */
  async manage(delayId: string, action: DelayAction, ofUser: number | undefined): Promise<void> {
    const { kind } = await this.#carryOut(delayId, action, ofUser)
    if (kind === 'unknown') throw new MatrixError('M_NOT_FOUND', 'No such delayed event')
    const isSent = kind === 'sent'
    const fits = kind === 'scheduled' || (action === 'send' && isSent) || (action === 'cancel' && !isSent)
    if (fits) return
    throw new MatrixError('M_UNKNOWN', isSent ? 'It was sent already' : 'It was cancelled', { status: 409 })
  }

  /** One of the user's delayed events, scheduled or ended. Throws `M_NOT_FOUND`. */
  async one(user: number, delayId: string): Promise<DelayedEvent> {
    const event = await this.#parts.reader.delayedEvent(delayId)
    if (event?.user !== user) throw new MatrixError('M_NOT_FOUND', 'No such delayed event')
    return event
  }

  /** The user's scheduled ones, by the time at which they are due. */
  scheduled(user: number): Promise<readonly DelayedEvent[]> {
    return this.#parts.reader.scheduledOf(user)
  }

  async #carryOut(delayId: string, action: DelayAction, ofUser: number | undefined): Promise<DelayAnswer> {
    const { writer, commit, tools, news, sending, reader } = this.#parts
    if (delayId.length !== ID_LENGTH) return { kind: 'unknown' }
    if (action === 'send') {
      const event = await reader.delayedEvent(delayId)
      if (event === undefined || (ofUser !== undefined && event.user !== ofUser)) return { kind: 'unknown' }
      return event.finalised === undefined ? sending.send(event) : standOf(event)
    }
    const nowMs = tools.clock.nowMs()
    const [answer] = await commit([
      action === 'cancel' ? writer.cancel(delayId, nowMs, ofUser) : writer.restart(delayId, nowMs, ofUser),
    ])
    if (answer.kind === 'scheduled') news.due(answer.dueAtMs)
    return answer
  }
}

/** Throws `M_TOO_LARGE`, `M_BAD_JSON`. */
const checked = ({ content, type, stateKey = '' }: DelayRequest): { contentJson: string; sizeBytes: number } => {
  const text = canonicalJson(content)
  if (!text.ok) throw new MatrixError('M_BAD_JSON', 'The content is no canonical JSON')
  const names = [type, stateKey].map((name) => Buffer.byteLength(name))
  const sizeBytes = Buffer.byteLength(text.value)
  if (sizeBytes > MAX_CONTENT_BYTES || names.some((bytes) => bytes > MAX_NAME_BYTES))
    throw new MatrixError('M_TOO_LARGE', 'The event is too large')
  return { contentJson: text.value, sizeBytes }
}

const tooMany = (waitMs: number): MatrixError => {
  const retryAfterMs = Math.max(1_000, waitMs)
  return new MatrixError('M_LIMIT_EXCEEDED', 'You have scheduled as many delayed events as you may', {
    fields: { retry_after_ms: retryAfterMs },
    headers: { 'Retry-After': String(Math.ceil(retryAfterMs / 1_000)) },
  })
}
