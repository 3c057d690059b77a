import { type Clock, collectSooner, type LongText, type Pending, type Soon } from '#base'
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
  type ToldPositions,
} from '#streams'
import type { EventsViewer } from '../events/event-texts.ts'
import type { StreamNews } from '../known/stream-news.ts'
import { joinedNumbers, type UserRooms } from '../known/user-rooms.ts'
import type { IgnoredUsers } from '../known/visibility.ts'
import type { Window } from '../known/window.ts'
import type { Piece, StreamedPart, SyncPart, SyncRequest, SyncWindow } from './request.ts'

export interface SyncParts {
  readonly clock: Clock
  readonly streams: Streams
  readonly userRooms: UserRooms
  readonly ignored: IgnoredUsers
  readonly news: StreamNews
  /** In the order of their texts in the answer. */
  readonly parts: readonly SyncPart[]
  /** After the others, likewise. */
  readonly streamed: readonly StreamedPart[]
}

/** `GET /sync`: the news of a user after a token, read from the streams; waits where there is none. */
export class Sync {
  readonly #parts: SyncParts
  /** The beginning of the newest answers. */
  #newest: { readonly now: Positions; readonly head: string } | undefined
  readonly #source: PollSource<SyncRequest> = {
    poll: (request) => this.#poll(request),
    listener: ({ syncer }) => syncer.user,
    rooms: ({ syncer }) => this.#joinedRooms(syncer),
    // Nobody else is woken by a profile: a popular one concerns thousands who wait.
    concerns: ({ filter }, { stream }) => stream !== 'profiles' || filter.profileFields !== undefined,
  }

  constructor(parts: SyncParts) {
    this.#parts = parts
  }

  /** Parses `since`. Throws `M_INVALID_PARAM` for a malformed token, or one ahead of the durable streams: of another server, or of a lost database. */
  async since(text: string): Promise<ToldPositions> {
    const { streams } = this.#parts
    const token = parseSyncToken(text, streams.positions())
    if (token === undefined) throw new MatrixError('M_INVALID_PARAM', 'since is not a token of this server')
    const since = await streams.resume(token)
    if (since === undefined) throw new MatrixError('M_INVALID_PARAM', 'since lies ahead of this server')
    return since
  }

  /** The answer's JSON text, in pieces where it is long; where there is no news and the request has time, the answer that comes later. */
  sync(request: SyncRequest): Promise<LongText | Pending<LongText>> {
    const { clock, streams } = this.#parts
    return LongPoll.begin({ streams, clock, source: this.#source }, request, request.timeoutMs)
  }

  async #poll(request: SyncRequest): Promise<PollResult> {
    const snapshot = this.#parts.streams.snapshot()
    const { since, fullState } = request
    if (since === undefined || fullState) return { text: await this.#whole(request, snapshot), nothingBy: undefined }
    // The client's token equals the current positions: nothing is new, so no room is read.
    if (samePositions(since, snapshot.positions) && knowsFields(since, request)) {
      const told = { ...snapshot.positions, ...toldBy(since, request) }
      return { text: () => this.#unchanged(request, told), nothingBy: snapshot }
    }
    return this.#news(request, snapshot)
  }

  /** Nothing of an answer that may be long is held before there is room for it. */
  async #whole(request: SyncRequest, snapshot: Snapshot): Promise<LongText> {
    const rooms = await this.#parts.userRooms.of(request.syncer)
    if (rooms.size <= FEW_ROOMS) {
      const short = await shortText(this.#pieces(request, snapshot))
      if (short !== undefined) return short
    }
    return { begun: [], rest: textsOf(this.#pieces(request, snapshot)) }
  }

  /** Makes the answer to its end where it is short: nearly always at once, without a piece by itself. */
  async #news(request: SyncRequest, snapshot: Snapshot): Promise<PollResult> {
    const look = await this.#look(request, snapshot)
    const short = briefly(this.#parts.streamed, look.found)
    const brief = short instanceof Promise ? await short : short
    if (brief !== undefined) {
      const isNews = look.isNews || brief.isNews
      return { text: `${look.text},${brief.text}}`, nothingBy: isNews ? undefined : snapshot }
    }
    return this.#inPieces(this.#streamed(look), snapshot)
  }

  async #inPieces(pieces: AsyncGenerator<Piece, void, undefined>, snapshot: Snapshot): Promise<PollResult> {
    const begun: string[] = []
    let length = 0
    let isNews = false
    for (;;) {
      const { done, value } = await pieces.next()
      if (done === true) return { text: begun.join(''), nothingBy: isNews ? undefined : snapshot }
      begun.push(value.text)
      length += value.text.length
      isNews ||= value.isNews
      if (isNews && length > SHORT_LENGTH) return { text: { begun, rest: textsOf(pieces) }, nothingBy: undefined }
    }
  }

  async #unchanged(request: SyncRequest, told: ToldPositions): Promise<string> {
    const { parts, streamed } = this.#parts
    const texts: string[] = []
    for (const part of parts) {
      const text = part.unchanged?.(request) ?? part.empty
      texts.push(text instanceof Promise ? await text : text)
    }
    for (const { empty } of streamed) if (empty !== '') texts.push(empty)
    return `${headOf(told)}${texts.join()}}`
  }

  async #joinedRooms(syncer: EventsViewer): Promise<readonly number[]> {
    return joinedNumbers(await this.#parts.userRooms.of(syncer))
  }

  async *#pieces(request: SyncRequest, snapshot: Snapshot): AsyncGenerator<Piece, void, undefined> {
    yield* this.#streamed(await this.#look(request, snapshot))
  }

  /** The short parts come first, as the token of the answer depends on them. */
  async #look(request: SyncRequest, { positions: now }: Snapshot): Promise<Look> {
    const { syncer: viewer, since, filter, fullState, stateSection } = request
    const { userRooms, ignored, news, parts } = this.#parts
    const ignoring = ignored.ignoredBy(viewer.user)
    const window: Window = { viewer, since, now, ignored: ignoring instanceof Promise ? await ignoring : ignoring }
    const ofUser = userRooms.of(viewer)
    const rooms = ofUser instanceof Promise ? await ofUser : ofUser
    const all = news.all(window, rooms, fullState)
    const told = all instanceof Promise ? await all : all
    const found: SyncWindow = { ...window, filter, fullState, stateSection, rooms, news: told }
    let text = ''
    let isNews = false
    let reached: Positions = now
    for (const part of parts) {
      const look = part.look(found)
      const answer = look instanceof Promise ? await look : look
      text += text === '' ? answer.text : `,${answer.text}`
      isNews ||= answer.isNews
      if (answer.reached !== undefined) reached = { ...reached, ...answer.reached }
    }
    const typing = [...told.rooms].map(([room, { typing }]) => [room, typing] as const)
    const typingIn = news.typingIn((room) => rooms.get(room)?.membership === 'join', typing)
    return { found, text: `${this.#headOf(reached, typingIn, filter.profileFields?.mark)}${text}`, isNews }
  }

  /** Those who are woken by one message are told the same token. */
  #headOf(now: Positions, typingIn: readonly number[], profileFields: string | undefined): string {
    if (typingIn.length > 0 || profileFields !== undefined)
      return headOf({ ...now, typingIn, ...(profileFields === undefined ? {} : { profileFields }) })
    if (this.#newest?.now !== now) this.#newest = { now, head: headOf(now) }
    return this.#newest.head
  }

  async *#streamed({ found, text: head, isNews: isNewsBefore }: Look): AsyncGenerator<Piece, void, undefined> {
    let text = head
    let isNews = isNewsBefore
    for (const part of this.#parts.streamed) {
      if (part.isEmpty?.(found) === true) {
        if (part.empty !== '') text += `,${part.empty}`
        continue
      }
      // A part may have nothing to say after all, and then no comma stands before it.
      let before = `${text},`
      for await (const piece of part.pieces(found)) {
        yield { text: `${before}${piece.text}`, isNews: isNews || piece.isNews }
        before = ''
        text = ''
        isNews = false
      }
    }
    yield { text: `${text}}`, isNews }
  }
}

/** The window, and what the short parts tell of it: the beginning of the answer's text. */
interface Look {
  readonly found: SyncWindow
  readonly text: string
  readonly isNews: boolean
}

/** The streamed parts in one text where they are all short; undefined otherwise. */
const briefly = (streamed: readonly StreamedPart[], found: SyncWindow): Soon<Piece | undefined> => {
  let text = ''
  let isNews = false
  for (const [index, part] of streamed.entries()) {
    const brief = part.isEmpty?.(found) === true ? { text: part.empty, isNews: false } : part.brief?.(found)
    if (brief === undefined) return undefined
    if (brief instanceof Promise) return brieflyFrom(streamed, found, { index, text, isNews, brief })
    if (brief.text !== '') text += text === '' ? brief.text : `,${brief.text}`
    isNews ||= brief.isNews
  }
  return { text, isNews }
}

interface BrieflySoFar extends Piece {
  readonly index: number
  readonly brief: Promise<Piece | undefined>
}

const brieflyFrom = async (
  streamed: readonly StreamedPart[],
  found: SyncWindow,
  { index, text, isNews, brief }: BrieflySoFar,
): Promise<Piece | undefined> => {
  const made = await brief
  const rest = made === undefined ? undefined : await briefly(streamed.slice(index + 1), found)
  if (made === undefined || rest === undefined) return undefined
  const texts = [text, made.text, rest.text].filter((one) => one !== '')
  return { text: texts.join(), isNews: isNews || made.isNews || rest.isNews }
}

/** Answers to polls are held whole up to this length. */
const SHORT_LENGTH = 64 * 1024

/** A first sync of so many rooms is most often short. One that is not is begun anew. */
const FEW_ROOMS = 3

/** undefined where the text is long. */
const shortText = async (pieces: AsyncGenerator<Piece, void, undefined>): Promise<string | undefined> => {
  let whole = ''
  for await (const { text } of pieces) {
    whole += text
    if (whole.length > SHORT_LENGTH) return undefined
  }
  return whole
}

type Told = Pick<ToldPositions, 'typingIn' | 'profileFields'>

const toldBy = ({ typingIn = [] }: ToldPositions, { filter: { profileFields } }: SyncRequest): Told =>
  profileFields === undefined ? { typingIn } : { typingIn, profileFields: profileFields.mark }

/** Whether the client was told of the fields of profiles that it asks for. */
const knowsFields = ({ profileFields }: ToldPositions, { filter }: SyncRequest): boolean =>
  filter.profileFields === undefined || filter.profileFields.mark === profileFields

const headOf = (now: ToldPositions): string => `{"next_batch":"${formatSyncToken(now)}",`

/** The collector works beside the answer, which grows meanwhile: of 42 MB in use it makes 75 before the collection is over. */
const LONG_ANSWER_PERCENT = 50

/** A long answer makes several times its own size of garbage, which is collected before the heap has grown by what is usual. */
async function* textsOf(pieces: AsyncGenerator<Piece, void, undefined>): AsyncGenerator<string, void, undefined> {
  const asUsual = collectSooner(LONG_ANSWER_PERCENT)
  try {
    for await (const { text } of pieces) yield text
  } finally {
    asUsual()
  }
}
