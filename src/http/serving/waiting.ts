import type { ServerResponse } from 'node:http'
import { isUnavailable, type LongText, type Pending, type Receiver, type TracedRequest } from '#base'
import type { LaterJson } from '../endpoint/answer.ts'

/** The part of a request that its answer needs. */
export interface Exchange {
  /** The request's name in the log. */
  readonly id: string
  readonly startedMs: number
  readonly response: ServerResponse
  readonly userId: string | undefined
  /** Requests that wait have none: they have users. */
  readonly ip?: string
  /** Internal number. */
  readonly user: number | undefined
  /** Asked for under `api/v1`, whose refusals differ. */
  readonly inV1: boolean
  /** Set while traces are made. */
  readonly traced: TracedRequest | undefined
}

/** Ends the waiting requests of one endpoint. */
export interface Ending {
  /** Throws for an access token that was voided since the request came. */
  recheck(accessToken: string): Promise<unknown>
  answer(waiting: WaitingRequest, text: LongText): Promise<void>
  refuse(waiting: WaitingRequest, thrown: unknown): void
}

export interface WaitingParts {
  readonly exchange: Exchange
  readonly accessToken: string | undefined
  readonly later: LaterJson
  readonly all: WaitingRequests
  readonly ending: Ending
}

/** A long poll between its handler and its answer. It holds little, as there are very many. */
export class WaitingRequest implements Exchange, Receiver<LongText> {
  readonly id: string
  readonly startedMs: number
  readonly response: ServerResponse
  readonly userId: string | undefined
  readonly user: number | undefined
  readonly inV1: boolean
  readonly traced: TracedRequest | undefined
  readonly #accessToken: string | undefined
  readonly #all: WaitingRequests
  readonly #ending: Ending
  #pending: Pending<LongText> | undefined
  #over: (() => void) | undefined

  constructor({ exchange, accessToken, later, all, ending }: WaitingParts) {
    this.id = exchange.id
    this.startedMs = exchange.startedMs
    this.response = exchange.response
    this.userId = exchange.userId
    this.user = exchange.user
    this.inV1 = exchange.inV1
    this.traced = exchange.traced
    this.#accessToken = accessToken
    this.#pending = later.text
    this.#over = later.over
    this.#all = all
    this.#ending = ending
  }

  wait(): void {
    this.#pending?.deliverTo(this)
  }

  deliver(text: LongText): void {
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
      // It has ended meanwhile, or the database is unavailable and the check at the end of the wait decides.
      if (this.#pending === undefined || isUnavailable(thrown)) return
      this.#pending.abandon()
      this.#end()
      this.#ending.refuse(this, thrown)
    })
  }

  abandon(): void {
    this.#pending?.abandon()
    this.#end()
  }

  /** A request may wait longer than its access token lives: a user who was logged out meanwhile is told that, and no news. */
  #finish(say: () => void | Promise<void>): void {
    this.#end()
    const checked = this.#accessToken === undefined ? Promise.resolve() : this.#ending.recheck(this.#accessToken)
    checked.then(say).catch((thrown: unknown) => this.#ending.refuse(this, thrown))
  }

  #end(): void {
    this.#all.remove(this)
    this.#pending = undefined
    this.#over?.()
    this.#over = undefined
  }
}

const WAITING = Symbol('waiting')
type WatchedResponse = ServerResponse & { [WAITING]?: WaitingRequest | undefined }

/** One listener for all: a closure for each response would be most of what a waiting request holds. */
function onClose(this: WatchedResponse): void {
  this[WAITING]?.abandon()
}

export class WaitingRequests {
  readonly #waiting = new Set<WaitingRequest>()
  #rechecks = 0
  #stopping = false

  /** The number of times that tokens were reported void. */
  get rechecks(): number {
    return this.#rechecks
  }

  /** `since`: the number of `rechecks` when the access token of the request was checked. */
  add(waiting: WaitingRequest, since: number): void {
    const response: WatchedResponse = waiting.response
    if (response.destroyed) {
      waiting.abandon()
      return
    }
    this.#waiting.add(waiting)
    response[WAITING] = waiting
    response.on('close', onClose)
    waiting.wait()
    if (this.#rechecks !== since) waiting.recheck()
    if (this.#stopping) waiting.hurry()
  }

  remove(waiting: WaitingRequest): void {
    if (!this.#waiting.delete(waiting)) return
    const response: WatchedResponse = waiting.response
    response[WAITING] = undefined
  }

  /** Checks the tokens of a user, or of all users, again. It walks over all requests, which is cheap enough for what happens seldom. */
  recheck(user: number | 'all'): void {
    this.#rechecks++
    for (const waiting of this.#waiting) if (user === 'all' || waiting.user === user) waiting.recheck()
  }

  /** The server stops: all answer with what they have, and so do those that still come. */
  hurryAll(): void {
    this.#stopping = true
    for (const waiting of [...this.#waiting]) waiting.hurry()
  }
}
