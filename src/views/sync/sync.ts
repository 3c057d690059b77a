import type { Clock, Pending } from '#base'
import { MatrixError } from '#spec'
import {
  formatSyncToken,
  LongPoll,
  type PollResult,
  type PollSource,
  type Positions,
  parseSyncToken,
  type Snapshot,
  type Streams,
  samePositions,
} from '#streams'
import type { EventsViewer } from '../events/event-texts.ts'
import type { StreamNews } from '../known/stream-news.ts'
import { joinedRooms, type UserRooms } from '../known/user-rooms.ts'
import type { IgnoredUsers } from '../known/visibility.ts'
import type { Window } from '../known/window.ts'
import type { PartAnswer, SyncPart, SyncRequest, SyncWindow } from './request.ts'

export interface SyncParts {
  readonly clock: Clock
  readonly streams: Streams
  readonly userRooms: UserRooms
  readonly ignored: IgnoredUsers
  readonly news: StreamNews
  /** In the order of their texts in the answer. */
  readonly parts: readonly SyncPart[]
}

/** `GET /sync`: the news of a user after a token, read from the streams; waits where there is none. */
export class Sync {
  readonly #parts: SyncParts
  readonly #source: PollSource<SyncRequest> = {
    poll: (request) => this.#poll(request),
    listener: ({ syncer }) => syncer.user,
    rooms: ({ syncer }) => this.#joinedRooms(syncer),
  }

  constructor(parts: SyncParts) {
    this.#parts = parts
  }

  /** Parses `since`. Throws `M_INVALID_PARAM` for a malformed token, or one ahead of the durable streams: of another server, or of a lost database. */
  async since(text: string): Promise<Positions> {
    const { streams } = this.#parts
    const token = parseSyncToken(text, streams.positions())
    if (token === undefined) throw new MatrixError('M_INVALID_PARAM', 'since is not a token of this server')
    const since = await streams.resume(token)
    if (since === undefined) throw new MatrixError('M_INVALID_PARAM', 'since lies ahead of this server')
    return since
  }

  /** The answer's JSON text; where there is no news and the request has time, the answer that comes later. */
  sync(request: SyncRequest): Promise<string | Pending<string>> {
    const { clock, streams } = this.#parts
    return LongPoll.begin({ streams, clock, source: this.#source }, request, request.timeoutMs)
  }

  async #poll(request: SyncRequest): Promise<PollResult> {
    const snapshot = this.#parts.streams.snapshot()
    const { since, fullState } = request
    // The client's token equals the current positions: nothing is new, so no room is read.
    if (since !== undefined && !fullState && samePositions(since, snapshot.positions))
      return { text: answerText(snapshot.positions, await this.#unchanged(request)), nothingBy: snapshot }
    const { text, isNews } = await this.#answer(request, snapshot)
    const waits = since !== undefined && !fullState && !isNews
    return { text, nothingBy: waits ? snapshot : undefined }
  }

  async #unchanged(request: SyncRequest): Promise<string> {
    const texts: string[] = []
    for (const part of this.#parts.parts) texts.push((await part.unchanged?.(request)) ?? part.empty)
    return texts.join()
  }

  async #joinedRooms(syncer: EventsViewer): Promise<readonly number[]> {
    return joinedRooms(await this.#parts.userRooms.of(syncer)).map(({ room }) => room)
  }

  async #answer(request: SyncRequest, { positions: now }: Snapshot): Promise<PartAnswer> {
    const { syncer: viewer, since, filter, fullState } = request
    const { userRooms, ignored, news, parts } = this.#parts
    const window: Window = { viewer, since, now, ignored: await ignored.ignoredBy(viewer.user) }
    const rooms = await userRooms.of(viewer)
    const found: SyncWindow = { ...window, filter, fullState, rooms, news: await news.all(window, rooms, fullState) }
    const texts: string[] = []
    let isNews = false
    let reached: Positions = now
    for (const part of parts) {
      const answer = await part.look(found)
      texts.push(answer.text)
      isNews ||= answer.isNews
      if (answer.reached !== undefined) reached = { ...reached, ...answer.reached }
    }
    return { text: answerText(reached, texts.join()), isNews }
  }
}

const answerText = (now: Positions, parts: string): string => `{"next_batch":"${formatSyncToken(now)}",${parts}}`
