import type { ServerResponse } from 'node:http'
import { isUnavailable, type Pending, type Receiver } from '#base'
import type { LaterJson } from './endpoint.ts'

/** A request as far as its answer is concerned. */
export interface Exchange {
  /** For the log. */
  readonly id: string
  readonly startedMs: number
  readonly response: ServerResponse
  readonly userId: string | undefined
}

/** How the edge ends the long polls of one endpoint. */
export interface Ending {
  /** Throws for an access token that was voided since the request came. */
  recheck(accessToken: string): Promise<unknown>
  answer(parked: Parked, text: string): void
  refuse(parked: Parked, thrown: unknown): void
}

/** A request that waits for its answer: what is held of it, which is little, for there are many. */
export class Parked implements Exchange, Receiver<string> {
  readonly id: string
  readonly startedMs: number
  readonly response: ServerResponse
  readonly userId: string | undefined
  readonly #accessToken: string | undefined
  readonly #lot: ParkingLot
  readonly #ending: Ending
  #pending: Pending<string> | undefined
  #over: (() => void) | undefined

  constructor(
    { id, startedMs, response, userId }: Exchange,
    accessToken: string | undefined,
    later: LaterJson,
    lot: ParkingLot,
    ending: Ending,
  ) {
    this.id = id
    this.startedMs = startedMs
    this.response = response
    this.userId = userId
    this.#accessToken = accessToken
    this.#pending = later.text
    this.#over = later.over
    this.#lot = lot
    this.#ending = ending
  }

  wait(): void {
    this.#pending?.deliverTo(this)
  }

  deliver(text: string): void {
    this.#finish(() => this.#ending.answer(this, text))
  }

  fail(thrown: unknown): void {
    this.#finish(() => this.#ending.refuse(this, thrown))
  }

  hurry(): void {
    this.#pending?.hurry()
  }

  /** The access token may be void: then there is nothing to wait for. */
  recheck(): void {
    if (this.#accessToken === undefined) return
    this.#ending.recheck(this.#accessToken).catch((thrown: unknown) => {
      // Over meanwhile; or nobody can tell now, and the end of the wait will.
      if (this.#pending === undefined || isUnavailable(thrown)) return
      this.#pending.abandon()
      this.#end()
      this.#ending.refuse(this, thrown)
    })
  }

  /** The client is gone. */
  abandon(): void {
    this.#pending?.abandon()
    this.#end()
  }

  /** A request may wait for news longer than its access token lives: who was logged out meanwhile is told that, and no news. */
  #finish(say: () => void): void {
    this.#end()
    if (this.#accessToken === undefined) say()
    else
      this.#ending
        .recheck(this.#accessToken)
        .then(say)
        .catch((thrown: unknown) => this.#ending.refuse(this, thrown))
  }

  #end(): void {
    this.#lot.leave(this)
    this.#pending = undefined
    this.#over?.()
    this.#over = undefined
  }
}

/** One listener for all: a closure for each response would be most of what is held of it. */
function onClose(this: ServerResponse & { [PARKED]?: Parked | undefined }): void {
  this[PARKED]?.abandon()
}

const PARKED = Symbol('parked')

/** All requests that wait for their answer. */
export class ParkingLot {
  readonly #parked = new Set<Parked>()
  #rechecks = 0
  #stopping = false

  /** How often it was heard that tokens were voided. */
  get rechecks(): number {
    return this.#rechecks
  }

  /** `since`: how many `rechecks` there had been when its access token was checked. */
  park(parked: Parked, since: number): void {
    const response: ServerResponse & { [PARKED]?: Parked | undefined } = parked.response
    if (response.destroyed) {
      parked.abandon()
      return
    }
    this.#parked.add(parked)
    response[PARKED] = parked
    response.on('close', onClose)
    parked.wait()
    if (this.#rechecks !== since) parked.recheck()
    if (this.#stopping) parked.hurry()
  }

  leave(parked: Parked): void {
    if (!this.#parked.delete(parked)) return
    const response: ServerResponse & { [PARKED]?: Parked | undefined } = parked.response
    response[PARKED] = undefined
  }

  /** Whoever was logged out is told so at once. Looks at all: they are some ten thousand at most, and it is seldom. */
  recheck(userId: string): void {
    this.#rechecks++
    for (const parked of this.#parked) if (parked.userId === userId) parked.recheck()
  }

  /** The server stops: all answer with what they have, and so do those who still come. */
  hurryAll(): void {
    this.#stopping = true
    for (const parked of [...this.#parked]) parked.hurry()
  }
}
