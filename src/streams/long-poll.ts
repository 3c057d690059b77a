import type { Clock, LongText, Pending, Receiver } from '#base'
import type { News } from './bus.ts'
import type { Waiter, Waiting } from './listeners.ts'
import type { Snapshot, Streams } from './streams.ts'

export interface PollResult {
  /** The answer's text; where there is no news, it may be made only when somebody is told so. */
  readonly text: LongText | (() => Promise<LongText>)
  /** The moment at which there was no news; undefined where the text is news and is to be sent at once. */
  readonly nothingBy: Snapshot | undefined
}

/** Makes the answers to one kind of request: asked again after each piece of news, until there is something to tell. */
export interface PollSource<Request> {
  poll(request: Request): Promise<PollResult>
  /** The listener whose news wakes the request: a user, or a `listenerInRoom`. Asked after the first poll. */
  listener(request: Request): number
  /** See `Wait`. */
  rooms(request: Request): Promise<readonly number[]>
  /** Whether news that reaches the listener may be news for the request; absent: all of it may. */
  concerns?(request: Request, news: News): boolean
}

export interface PollParts<Request> {
  readonly streams: Streams
  readonly clock: Clock
  readonly source: PollSource<Request>
}

interface LongPollParts<Request> extends PollParts<Request> {
  readonly request: Request
  /** On the monotonic clock. */
  readonly deadlineMs: number
  readonly nothingBy: Snapshot
}

/** A request that waits for news. It holds no promise and no timer of its own, as ten thousand of them wait at a time. */
export class LongPoll<Request> implements Pending<LongText>, Waiter {
  readonly concerns: Waiter['concerns']
  readonly #parts: LongPollParts<Request>
  #nothingBy: Snapshot
  #receiver: Receiver<LongText> | undefined
  #waiting: Waiting | undefined
  #hurried = false

  private constructor(parts: LongPollParts<Request>) {
    this.#parts = parts
    this.#nothingBy = parts.nothingBy
    const { source, request } = parts
    this.concerns = source.concerns && ((news) => source.concerns?.(request, news) ?? true)
  }

  /** Polls once. Returns the answer where there is news, or no time to wait for any; otherwise the answer that comes later. */
  static async begin<Request>(
    parts: PollParts<Request>,
    request: Request,
    timeoutMs: number,
  ): Promise<LongText | Pending<LongText>> {
    const { clock, source } = parts
    const deadlineMs = clock.monotonicMs() + timeoutMs
    const { text, nothingBy } = await source.poll(request)
    if (nothingBy === undefined || clock.monotonicMs() >= deadlineMs) return typeof text === 'function' ? text() : text
    return new LongPoll({ ...parts, request, deadlineMs, nothingBy })
  }

  deliverTo(receiver: Receiver<LongText>): void {
    this.#receiver = receiver
    this.#wait().catch((error: unknown) => this.#fail(error))
  }

  abandon(): void {
    this.#receiver = undefined
    this.#leave()
  }

  hurry(): void {
    this.#hurried = true
    if (this.#leave()) this.notify(false)
  }

  notify(isNews: boolean): void {
    this.#waiting = undefined
    if (this.#receiver !== undefined) this.#poll(!isNews).catch((error: unknown) => this.#fail(error))
  }

  async #poll(isLast: boolean): Promise<void> {
    const { source, request } = this.#parts
    const { text, nothingBy } = await source.poll(request)
    if (nothingBy === undefined || isLast || this.#hurried) {
      const told = typeof text === 'function' ? await text() : text
      const receiver = this.#receiver
      this.#receiver = undefined
      receiver?.deliver(told)
      return
    }
    this.#nothingBy = nothingBy
    await this.#wait()
  }

  async #wait(): Promise<void> {
    const { streams, clock, source, request, deadlineMs } = this.#parts
    const waiting = await streams.listen(this, {
      listener: source.listener(request),
      since: this.#nothingBy,
      timeoutMs: this.#hurried ? 0 : deadlineMs - clock.monotonicMs(),
      rooms: () => source.rooms(request),
    })
    this.#waiting = waiting
    // The request may have been abandoned or hurried while the rooms were read.
    if (waiting === undefined || (this.#receiver !== undefined && !this.#hurried)) return
    if (this.#leave()) this.notify(false)
  }

  #leave(): boolean {
    const waiting = this.#waiting
    this.#waiting = undefined
    return waiting !== undefined && this.#parts.streams.leave(waiting)
  }

  #fail(error: unknown): void {
    const receiver = this.#receiver
    this.#receiver = undefined
    receiver?.fail(error)
  }
}
