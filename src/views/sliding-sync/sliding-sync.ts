import type { Clock, LongText, Pending, Soon } from '#base'
import type { UserId } from '#spec'
import {
  formatSlidingToken,
  LongPoll,
  type News,
  type PollResult,
  type PollSource,
  type Positions,
  type Streams,
  type ToldPositions,
} from '#streams'
import type { EventsByRoom, StreamNews } from '../known/stream-news.ts'
import { joinedNumbers, type UserRooms } from '../known/user-rooms.ts'
import type { IgnoredUsers } from '../known/visibility.ts'
import { type AskedExtensions, type ExtensionsAnswer, ExtensionsOfRequests, stillTyping } from './asked-extensions.ts'
import { type Connections, unknownPos } from './connection/connections.ts'
import type { SlidingExtension } from './extension.ts'
import { formatPosition, type Position, parsePosition } from './position.ts'
import type { Admitted, SlidingRequest } from './request.ts'
import { noRooms, type RoomsAnswer, type RoomsOfAnswers } from './rooms-answer.ts'

export interface SlidingSyncParts {
  readonly clock: Clock
  readonly streams: Streams
  readonly userRooms: UserRooms
  readonly ignored: IgnoredUsers
  readonly connections: Connections
  readonly rooms: RoomsOfAnswers
  readonly news: Pick<StreamNews, 'events'>
  /** New ones are added at the end, and none moves: positions of clients name them by their places. */
  readonly extensions: readonly SlidingExtension[]
}

/** A request that was taken up. */
interface Taken {
  readonly request: SlidingRequest
  readonly admitted: Admitted
  readonly extensions: AskedExtensions
  readonly hasRooms: boolean
}

/** One answer as it is made. */
interface Made {
  readonly taken: Taken
  readonly rooms: RoomsAnswer
  told: ExtensionsAnswer | undefined
}

interface Piece {
  readonly text: string
  readonly isNews: boolean
}

/** Sliding sync in both wire forms: the news of a connection since its position; waits where there is none. */
export class SlidingSync {
  readonly #parts: SlidingSyncParts
  readonly #extensionsOf: ExtensionsOfRequests
  /** The token of the newest answers: those who are woken by one message have the same. */
  #newest: { readonly now: ToldPositions; readonly token: string } | undefined
  readonly #source: PollSource<Taken> = {
    poll: (taken) => this.#poll(taken),
    listener: ({ request }) => request.viewer.user,
    rooms: async ({ request }) => joinedNumbers(await this.#parts.userRooms.of(request.viewer)),
    concerns: (taken, news) => concerns(taken, news),
  }

  constructor(parts: SlidingSyncParts) {
    this.#parts = parts
    this.#extensionsOf = new ExtensionsOfRequests(parts.extensions)
  }

  /** Parses `pos`. Throws `M_UNKNOWN_POS` for what is none, and for one ahead of the durable streams: of another server, or of a lost database. */
  async position(text: string): Promise<Position> {
    const { streams } = this.#parts
    const pos = parsePosition(text, streams.positions())
    const positions = pos === undefined ? undefined : await streams.resume(pos.positions)
    if (pos === undefined || positions === undefined) throw unknownPos('pos is not a position of this server')
    return { ...pos, positions }
  }

  /** The answer's JSON text, in pieces where it is long; where there is no news and the request has time, the answer that comes later. */
  async sync(request: SlidingRequest): Promise<LongText | Pending<LongText>> {
    const { clock, streams, connections } = this.#parts
    const extensions = this.#extensionsOf.askedBy(request)
    const taken: Taken = {
      request,
      admitted: connections.admit(request),
      extensions,
      hasRooms: request.lists.size + request.subscriptions.size > 0,
    }
    await extensions.begin(request.viewer)
    const timeoutMs = request.pos === undefined ? 0 : request.timeoutMs
    const answer = await LongPoll.begin({ streams, clock, source: this.#source }, taken, timeoutMs)
    if (typeof answer !== 'string' && 'hurry' in answer) {
      // It may be answered long before the connection asks again, and is not kept for that.
      const waiting = new WeakRef(answer)
      connections.waits(request, () => waiting.deref()?.hurry())
    }
    return answer
  }

  async #poll(taken: Taken): Promise<PollResult> {
    const found = this.#rooms(taken)
    const rooms = found instanceof Promise ? await found : found
    const short = rooms.brief()
    const brief = short instanceof Promise ? await short : short
    const made: Made = { taken, rooms, told: undefined }
    return brief === undefined ? this.#inPieces(made) : this.#inOne(made, brief)
  }

  /** The answer with these members of `rooms`, nearly always at once. */
  async #inOne(made: Made, members: readonly string[]): Promise<PollResult> {
    const { taken, rooms } = made
    const read = this.#extensions(made)
    made.told = read instanceof Promise ? await read : read
    const begun = `{"rooms":{${members.join()}},"lists":${rooms.lists},"extensions":${made.told.text}`
    const isNews = taken.request.pos === undefined || members.length > 0 || made.told.isNews
    if (!isNews) return { text: async () => `${begun}${await this.#end(made)}`, nothingBy: rooms.now }
    const end = this.#end(made)
    return { text: `${begun}${end instanceof Promise ? await end : end}`, nothingBy: undefined }
  }

  async #inPieces(made: Made): Promise<PollResult> {
    const { taken } = made
    const pieces = this.#pieces(made)
    const begun: string[] = []
    let length = 0
    let isNews = taken.request.pos === undefined
    for (;;) {
      const { done, value } = await pieces.next()
      if (done === true) break
      begun.push(value.text)
      length += value.text.length
      isNews ||= value.isNews
      if (isNews && length > SHORT_LENGTH)
        return { text: { begun, rest: this.#rest(made, pieces) }, nothingBy: undefined }
    }
    if (isNews) return { text: `${begun.join('')}${await this.#end(made)}`, nothingBy: undefined }
    // Most often there is no end to write: the request waits on.
    return { text: { begun, rest: this.#rest(made, pieces) }, nothingBy: made.rooms.now }
  }

  #rooms({ request, admitted, hasRooms }: Taken): Soon<RoomsAnswer> {
    const now = this.#parts.streams.snapshot()
    if (!hasRooms) return noRooms(now)
    const asked = { ...admitted, request }
    const ignored = this.#parts.ignored.ignoredBy(request.viewer.user)
    return ignored instanceof Promise
      ? ignored.then((known) => this.#parts.rooms.look(asked, now, known))
      : this.#parts.rooms.look(asked, now, ignored)
  }

  async *#pieces(made: Made): AsyncGenerator<Piece, void, undefined> {
    const { rooms } = made
    let before = '{"rooms":{'
    let comma = ''
    for await (const room of rooms.rooms()) {
      yield { text: `${before}${comma}${room}`, isNews: true }
      before = ''
      comma = ','
    }
    made.told = await this.#extensions(made)
    yield { text: `${before}},"lists":${rooms.lists},"extensions":${made.told.text}`, isNews: made.told.isNews }
  }

  #extensions({ taken, rooms: { now, scope } }: Made): Soon<ExtensionsAnswer> {
    const { request, extensions } = taken
    const { viewer, form, pos } = request
    const { ignored, userRooms, news } = this.#parts
    const since = pos?.positions
    const rooms = async () => userRooms.of(viewer)
    const read = (known: ReadonlySet<UserId>): Soon<ExtensionsAnswer> => {
      const window = { viewer, since, now: now.positions, ignored: known }
      let found: Promise<EventsByRoom | undefined> | undefined
      const events = () => {
        found ??= rooms().then((ofUser) => news.events(window, ofUser))
        return found
      }
      return extensions.read({ ...window, form, scope, pos: since, rooms, events })
    }
    const ignoring = ignored.ignoredBy(viewer.user)
    return ignoring instanceof Promise ? ignoring.then(read) : read(ignoring)
  }

  async *#rest(made: Made, pieces: AsyncGenerator<Piece, void, undefined>): AsyncGenerator<string, void, undefined> {
    for await (const { text } of pieces) yield text
    yield await this.#end(made)
  }

  /** The end of the answer: its position, which is made when all else is known. */
  #end(made: Made): Soon<string> {
    const memory = made.rooms.memory()
    return memory instanceof Promise ? memory.then((text) => this.#endWith(made, text)) : this.#endWith(made, memory)
  }

  #endWith({ taken, rooms, told }: Made, memory: string): string {
    const { request, admitted, extensions } = taken
    const now: ToldPositions = told === undefined ? rooms.now.positions : withReached(rooms.now.positions, told.reached)
    const positions: ToldPositions = { ...now, typingIn: told?.typingIn ?? stillTyping(request.pos?.positions) }
    const { device } = request.viewer
    const position = { device, ...admitted, positions, extensions: extensions.bits, memory }
    const pos = formatPosition(position, this.#tokenOf(now))
    const txnId = request.txnId === undefined ? '' : `,"txn_id":${JSON.stringify(request.txnId)}`
    return `${txnId},"pos":"${pos}"}`
  }

  #tokenOf(now: ToldPositions): string {
    if (this.#newest?.now !== now) this.#newest = { now, token: formatSlidingToken(now) }
    return this.#newest.token
  }
}

/** The same object where there is nothing to add. */
const withReached = (now: Positions, reached: Partial<ToldPositions>): ToldPositions => {
  for (const _ in reached) return { ...now, ...reached }
  return now
}

/** Answers to polls are held whole up to this length. */
const SHORT_LENGTH = 64 * 1024

const concerns = ({ hasRooms, extensions }: Taken, news: News): boolean =>
  (hasRooms && news.stream === 'events') || extensions.concerns(news)
