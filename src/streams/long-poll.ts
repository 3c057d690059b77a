import type { Clock, Pending, Receiver } from '#base'
import type { Snapshot, Streams, Waiter, Waiting } from './streams.ts'

/** What a look at the streams found. */
export interface Look {
  readonly text: string
  /** Nothing worth an answer had come at this moment; undefined where the text is worth one. */
  readonly nothingBy: Snapshot | undefined
}

/** How requests of one kind look at the streams: each again after every news, until there is something to tell. */
export interface Looker<Request> {
  look(request: Request): Promise<Look>
  /** Whom the news it looks for is to wake: a user, or a `listenerInRoom`. Asked after the first look. */
  listener(request: Request): number
  /** See `Wait`. */
  rooms(request: Request): Promise<readonly number[]>
}

export interface PollParts<Request> {
  readonly streams: Streams
  readonly clock: Clock
  readonly looker: Looker<Request>
}

/**
 * A request that waits for news, and all that is held of it meanwhile. No promise and no timer of its own: ten thousand of them wait
 * at a time.
 */
export class LongPoll<Request> implements Pending<string>, Waiter {
  readonly #streams: Streams
  readonly #clock: Clock
  readonly #looker: Looker<Request>
  readonly #request: Request
  readonly #deadlineMs: number
  #nothingBy: Snapshot
  #receiver: Receiver<string> | undefined
  #waiting: Waiting | undefined
  #hurried = false

  private constructor(
    { streams, clock, looker }: PollParts<Request>,
    request: Request,
    deadlineMs: number,
    nothingBy: Snapshot,
  ) {
    this.#streams = streams
    this.#clock = clock
    this.#looker = looker
    this.#request = request
    this.#deadlineMs = deadlineMs
    this.#nothingBy = nothingBy
  }

  /** Looks once: answers what there is, and where that is nothing and there is time, what will come. */
  static async begin<Request>(
    parts: PollParts<Request>,
    request: Request,
    timeoutMs: number,
  ): Promise<string | Pending<string>> {
    const { clock, looker } = parts
    const deadlineMs = clock.monotonicMs() + timeoutMs
    const { text, nothingBy } = await looker.look(request)
    if (nothingBy === undefined || clock.monotonicMs() >= deadlineMs) return text
    return new LongPoll(parts, request, deadlineMs, nothingBy)
  }

  deliverTo(receiver: Receiver<string>): void {
    this.#receiver = receiver
    this.#wait().catch((error: unknown) => this.#fail(error))
  }

  abandon(): void {
    this.#receiver = undefined
    this.#leave()
  }

  hurry(): void {
    this.#hurried = true
    if (this.#leave()) this.heard(false)
  }

  heard(isNews: boolean): void {
    this.#waiting = undefined
    if (this.#receiver !== undefined) this.#look(!isNews).catch((error: unknown) => this.#fail(error))
  }

  async #look(isLast: boolean): Promise<void> {
    const { text, nothingBy } = await this.#looker.look(this.#request)
    if (nothingBy === undefined || isLast || this.#hurried) {
      const receiver = this.#receiver
      this.#receiver = undefined
      receiver?.deliver(text)
      return
    }
    this.#nothingBy = nothingBy
    await this.#wait()
  }

  async #wait(): Promise<void> {
    const looker = this.#looker
    const waiting = await this.#streams.listen(this, {
      listener: looker.listener(this.#request),
      since: this.#nothingBy,
      timeoutMs: this.#hurried ? 0 : this.#deadlineMs - this.#clock.monotonicMs(),
      rooms: () => looker.rooms(this.#request),
    })
    this.#waiting = waiting
    // Gone, or hurried, while the rooms were read.
    if (waiting === undefined || (this.#receiver !== undefined && !this.#hurried)) return
    if (this.#leave()) this.heard(false)
  }

  #leave(): boolean {
    const waiting = this.#waiting
    this.#waiting = undefined
    return waiting !== undefined && this.#streams.leave(waiting)
  }

  #fail(error: unknown): void {
    const receiver = this.#receiver
    this.#receiver = undefined
    receiver?.fail(error)
  }
}
