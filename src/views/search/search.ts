import { type Clock, questionWords, type TextPieces, writtenWords } from '#base'
import { type EventId, type JsonObject, objectAt, type Pdu, type RoomId, stringAt } from '#spec'
import type { MessageIndexReader, RoomNumber, RoomsReader, StoredEvent } from '#store'
import type { Erasures } from '../events/erasures.ts'
import type { EventTexts } from '../events/event-texts.ts'
import { streamedEvents } from '../events/streamed-events.ts'
import type { RoomViewer } from '../events/viewer.ts'
import { statePages } from '../known/state-pages.ts'
import type { UserRooms } from '../known/user-rooms.ts'
import type { Visibility } from '../known/visibility.ts'
import { type Finding, Findings, type RoomSight } from './findings.ts'
import { RANK_UNITS } from './ranking.ts'
import { type GroupKey, type SearchRequest, searchFilterOf } from './request.ts'
import { ResultContext } from './result-context.ts'
import { SearchScopes } from './scope.ts'
import { formatSearchToken, type NarrowGroup, parseSearchToken, type SearchPlace } from './token.ts'

export { SEARCHED_KEYS } from '#store'

export interface SearchParts {
  readonly index: MessageIndexReader
  readonly reader: RoomsReader
  readonly visibility: Visibility
  readonly userRooms: UserRooms
  readonly texts: EventTexts
  readonly erasures: Pick<Erasures, 'shownTo'>
  readonly clock: Clock
}

const DEFAULT_LIMIT = 10
const MAX_RESULTS = 50
/** Words of one question beyond which the index is not asked. */
const MAX_WORDS = 40
const MAX_HIGHLIGHTS = 50
/** Blocks of one answer: where nearly everything is hidden it ends early, with a token to go on. */
const MAX_BLOCKS = 4

interface Page {
  readonly results: readonly Finding[]
  readonly count: number
  /** undefined: there is nothing more. */
  readonly onward: SearchPlace | undefined
}

/** `POST /search` (client-server API, "Server Side Search"), in what `MessageIndexing` has indexed. */
export class Search {
  readonly #parts: SearchParts
  readonly #scopes: SearchScopes
  readonly #contexts: ResultContext

  constructor(parts: SearchParts) {
    this.#parts = parts
    this.#scopes = new SearchScopes(parts)
    this.#contexts = new ResultContext(parts)
  }

  /** The category `room_events` of the answer. `upTo`: position up to which events are indexed. Throws `M_INVALID_PARAM`. */
  async roomEvents(request: SearchRequest, viewer: RoomViewer, upTo: number): Promise<TextPieces> {
    const filter = searchFilterOf(request.filter)
    const place = request.nextBatch === undefined ? undefined : parseSearchToken(request.nextBatch)
    const words = questionWords(request.term).slice(0, MAX_WORDS)
    const scope = await this.#scopes.of(filter, viewer)
    const { keys, order } = request
    const { senders } = filter
    const findings = new Findings(this.#parts, { words, keys, scope, senders, group: place?.group, viewer })
    const first = { after: undefined, before: upTo + 1, last: undefined, count: 0, group: undefined }
    const limit = Math.min(scope.matcher.limit ?? DEFAULT_LIMIT, MAX_RESULTS)
    const isNothing = words.length === 0 || keys.length === 0 || limit === 0
    const page = isNothing
      ? { results: [], count: 0, onward: undefined }
      : await this.#page(findings, { order, limit, place: place ?? first, isFirst: place === undefined })
    return { begun: [], rest: this.#answer(request, viewer, { page, findings, words }) }
  }

  async #page(
    findings: Findings,
    want: { order: SearchRequest['order']; limit: number; place: SearchPlace; isFirst: boolean },
  ): Promise<Page> {
    const { limit, isFirst } = want
    const results: Finding[] = []
    let { place } = want
    for (let blocks = 0; blocks < MAX_BLOCKS; blocks++) {
      const block = await findings.block(place.before, place.after)
      if (isFirst && blocks === 0) place = { ...place, count: block.events.length }
      const taken = await this.#next(findings, block.events, { ...want, place, limit: limit - results.length })
      results.push(...taken)
      const last = taken.at(-1)
      if (results.length >= limit && last !== undefined) {
        const onward = { ...place, after: block.after, last: { rank: last.rank, event: last.event.event } }
        return { results, count: place.count, onward }
      }
      if (block.after === 0) return { results, count: place.count, onward: undefined }
      place = { ...place, before: block.after + 1, after: undefined, last: undefined }
    }
    return { results, count: place.count, onward: place }
  }

  /** The next results of a block behind the place. Of the newest, only those are ranked that are shown. */
  async #next(
    findings: Findings,
    events: readonly StoredEvent[],
    { order, limit, place: { last } }: { order: SearchRequest['order']; limit: number; place: SearchPlace },
  ): Promise<readonly Finding[]> {
    if (order === 'recent')
      return findings.ranked(events.filter(({ event }) => last === undefined || event < last.event).slice(0, limit))
    const ranked = await findings.ranked(events)
    return ranked
      .filter((finding) => isBehind(finding, last))
      .toSorted(byRank)
      .slice(0, limit)
  }

  async *#answer(
    request: SearchRequest,
    viewer: RoomViewer,
    { page, findings, words }: { page: Page; findings: Findings; words: readonly string[] },
  ): TextPieces['rest'] {
    const { results, onward } = page
    const groups =
      onward === undefined ? groupsOf(results, request.groupBy, () => undefined) : this.#groups(page, request)
    const members = [
      `"count":${page.count}`,
      `"highlights":${JSON.stringify(highlightsOf(request.term, words, results))}`,
      ...(request.groupBy.length === 0 ? [] : [`"groups":${JSON.stringify(await groups)}`]),
      ...(onward === undefined ? [] : [`"next_batch":"${formatSearchToken(onward)}"`]),
    ]
    yield `{${members.join()},"results":[`
    const texts = await this.#texts(results, viewer, findings)
    for (const [index, finding] of results.entries()) {
      const text = await this.#resultText(
        { ...finding, text: texts.get(finding.event) ?? '' },
        request,
        viewer,
        findings,
      )
      yield index === 0 ? text : `,${text}`
    }
    yield ']'
    if (request.includeState) yield* this.#states(results, viewer, findings)
    yield '}'
  }

  async #resultText(
    { event, rank, text }: Finding & { readonly text: string },
    { context }: SearchRequest,
    viewer: RoomViewer,
    findings: Findings,
  ): Promise<string> {
    const head = `{"rank":${rank / RANK_UNITS},"result":${text}`
    if (context === undefined) return `${head}}`
    const { visibility, upTo } = await this.#sight(findings, event)
    return `${head},"context":${await this.#contexts.text({ event, wish: context, viewer, visibility, upTo })}}`
  }

  /** Texts of the results, made room by room. */
  async #texts(
    results: readonly Finding[],
    viewer: RoomViewer,
    findings: Findings,
  ): Promise<ReadonlyMap<StoredEvent, string>> {
    const form = viewer.form ?? 'full'
    const texts = new Map<StoredEvent, string>()
    const inRooms = Map.groupBy(
      results.map(({ event }) => event),
      ({ room }) => room,
    )
    const write = async (events: readonly StoredEvent[]): Promise<void> => {
      const { visibility } = await this.#sight(findings, events[0] as StoredEvent)
      const made = await this.#parts.texts.each({ events, viewer, form, visibility, tellsMembership: true })
      for (const [index, event] of events.entries()) texts.set(event, made[index] ?? '')
    }
    await Promise.all([...inRooms.values()].map(write))
    return texts
  }

  async #sight(findings: Findings, { roomId, room }: StoredEvent): Promise<RoomSight> {
    const sight = await findings.sightOf(roomId, room)
    if (sight === undefined) throw new Error('a result is of a room that its reader may not see')
    return sight
  }

  /** The state of each room in the results, as of now or of when the user left, a page at a time: a room may have very many members. */
  async *#states(results: readonly Finding[], viewer: RoomViewer, findings: Findings): TextPieces['rest'] {
    const rooms = new Map<RoomNumber, RoomId>(results.map(({ event }) => [event.room, event.roomId]))
    let separator = ''
    yield ',"state":{'
    for (const [room, roomId] of rooms) {
      const sight = await findings.sightOf(roomId, room)
      const at = sight?.upTo ?? (await this.#parts.reader.room(room))?.lastPosition
      if (sight === undefined || at === undefined) continue
      yield `${separator}${JSON.stringify(roomId)}:[`
      const pages = statePages(this.#parts.reader, room, { at, members: true })
      const batch = { viewer, form: viewer.form ?? 'full', visibility: sight.visibility } as const
      yield* streamedEvents(pages, batch, this.#parts)
      yield ']'
      separator = ','
    }
    yield '}'
  }

  /** The groups of a page, each with a token that goes on within it. */
  async #groups({ results, onward }: Page, { groupBy }: SearchRequest): Promise<JsonObject> {
    if (onward === undefined || groupBy.length === 0) return {}
    const senders = new Map<string, number>()
    if (groupBy.includes('sender'))
      for (const sender of new Set(results.map(({ event }) => event.sender))) {
        const [number] = await this.#parts.index.numbersOf([sender])
        if (number !== undefined) senders.set(sender, number)
      }
    const tokenOf = (key: GroupKey, { room, sender }: StoredEvent): string | undefined => {
      const number = key === 'room_id' ? room : senders.get(sender)
      // A page of one group has that group alone; narrowed by the other key as well, it could not be told.
      if (number === undefined || (onward.group !== undefined && onward.group.key !== key)) return undefined
      const group: NarrowGroup = { key, number }
      return formatSearchToken({ ...onward, group })
    }
    return groupsOf(results, groupBy, tokenOf)
  }
}

/** Whether a result comes after the last one shown, where the best come first. */
const isBehind = ({ event, rank }: Finding, last: SearchPlace['last']): boolean =>
  last === undefined || rank < last.rank || (rank === last.rank && event.event > last.event)

/** The best first; of equal ones the earliest. */
const byRank = (one: Finding, other: Finding): number => other.rank - one.rank || one.event.event - other.event.event

type TokenOf = (key: GroupKey, event: StoredEvent) => string | undefined

const groupsOf = (results: readonly Finding[], groupBy: readonly GroupKey[], tokenOf: TokenOf): JsonObject =>
  Object.fromEntries(
    groupBy.map((key) => {
      const groups = Map.groupBy(results, ({ event }) => (key === 'room_id' ? event.roomId : event.sender))
      const entries = [...groups].map(([value, ofGroup], order) => {
        const token = ofGroup[0] === undefined ? undefined : tokenOf(key, ofGroup[0].event)
        const ids: readonly EventId[] = ofGroup.map(({ event }) => event.eventId)
        return [value, { order, results: ids, ...(token === undefined ? {} : { next_batch: token }) }] as const
      })
      return [key, Object.fromEntries(entries)]
    }),
  )

/** The words of the question as it has them, and as the results write them. */
const highlightsOf = (term: string, words: readonly string[], results: readonly Finding[]): readonly string[] => {
  const wanted = new Set(words)
  const found = new Set(writtenWords(term, wanted, MAX_HIGHLIGHTS))
  for (const { event } of results) {
    const { content } = JSON.parse(event.json) as Pdu
    for (const text of textsIn(content)) for (const word of writtenWords(text, wanted, MAX_HIGHLIGHTS)) found.add(word)
    if (found.size >= MAX_HIGHLIGHTS) break
  }
  return [...found].slice(0, MAX_HIGHLIGHTS)
}

const textsIn = (content: JsonObject): readonly string[] =>
  [content, objectAt(content, 'm.new_content') ?? {}].flatMap((shown) =>
    ['body', 'name', 'topic'].flatMap((key) => stringAt(shown, key) ?? []),
  )
