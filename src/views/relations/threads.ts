import { type EventId, MatrixError, type RoomId, type UserId } from '#spec'
import type { EventNumber, EventsReader, RelationsReader, RoomNumber, StoredEvent, ThreadRoot } from '#store'
import type { BundleSource } from '../events/bundle.ts'
import type { EventTexts } from '../events/event-texts.ts'
import type { RoomViewer } from '../events/viewer.ts'
import type { RoomVisibility } from '../known/room-visibility.ts'
import type { IgnoredUsers, RoomAccess, Visibility } from '../known/visibility.ts'

export interface ThreadsRequest {
  readonly roomId: RoomId
  readonly include: 'all' | 'participated'
  readonly from: string | undefined
  readonly limit: number | undefined
}

const DEFAULT_LIMIT = 20
const MAX_LIMIT = 100
/** Threads looked at for one page: in a room with many in which the user takes no part, a page may be short. */
const MAX_LOOKED_AT = 500
const TOKEN = /^r(\d{1,16})$/

export interface ThreadsParts {
  readonly relations: Pick<RelationsReader, 'threads'>
  readonly reader: Pick<EventsReader, 'events'>
  readonly visibility: Visibility
  readonly bundles: BundleSource
  readonly ignored: Pick<IgnoredUsers, 'ignoredBy'>
  readonly texts: EventTexts
}

/** The threads of a room, that with the latest reply first. */
export class Threads {
  readonly #parts: ThreadsParts

  constructor(parts: ThreadsParts) {
    this.#parts = parts
  }

  /** A JSON text. Throws `M_FORBIDDEN`, and `M_INVALID_PARAM` for a token that is none. */
  async page({ roomId, include, from, limit }: ThreadsRequest, viewer: RoomViewer): Promise<string> {
    const access = await this.#parts.visibility.access(roomId, viewer.userId)
    const visibility = await this.#parts.visibility.inRoom(access.record.room, viewer)
    const wanted = Math.min(limit ?? DEFAULT_LIMIT, MAX_LIMIT)
    const shown: StoredEvent[] = []
    let before: EventNumber | undefined = positionIn(from)
    const size = include === 'all' ? wanted : MAX_LIMIT
    for (let looked = 0; before !== undefined && shown.length < wanted && looked < MAX_LOOKED_AT; looked += size) {
      const threads = await this.#parts.relations.threads(access.record.room, before, viewer.user, size)
      const roots = await this.#rootsOf(threads, include, access, visibility, viewer)
      before = threads.length < size ? undefined : threads.at(-1)?.latest
      for (const { latest, root } of threads) {
        const event = roots.get(root)
        if (event === undefined) continue
        shown.push(event)
        if (shown.length < wanted) continue
        before = threads.at(-1)?.root === root ? before : latest
        break
      }
    }
    const ignored = await this.#parts.ignored.ignoredBy(viewer.user)
    const chunk = await this.#parts.texts.joined({
      ...{ events: shown, viewer, form: 'full', visibility, tellsMembership: true },
      // "If the thread root event was sent by an ignored user, the event is returned redacted."
      hides: ({ sender, stateKey }) => stateKey === undefined && ignored.has(sender),
    })
    return `{"chunk":[${chunk}]${before === undefined ? '' : `,"next_batch":"r${before}"`}}`
  }

  /** Roots that the user may see, of threads with a reply that they may see. */
  async #rootsOf(
    threads: readonly ThreadRoot[],
    include: ThreadsRequest['include'],
    { record: { room }, upTo }: RoomAccess,
    visibility: RoomVisibility,
    viewer: RoomViewer,
  ): Promise<ReadonlyMap<EventId, StoredEvent>> {
    const events = await this.#parts.reader.events(threads.map(({ root }) => root))
    const inRoom = events.filter((event) => isInRoom(event, room) && (upTo === undefined || event.position <= upTo))
    await visibility.learn(inRoom)
    const seen = inRoom.filter((event) => visibility.maySee(event))
    const replied = new Set(threads.filter(({ participated }) => participated).map(({ root }) => root))
    const wanted = include === 'all' ? seen : seen.filter((event) => takesPart(event, viewer.userId, replied))
    const bundles = await this.#parts.bundles.of(wanted, viewer)
    return new Map(
      wanted.filter(({ eventId }) => bundles.get(eventId)?.thread !== undefined).map((event) => [event.eventId, event]),
    )
  }
}

const isInRoom = (event: StoredEvent, room: RoomNumber): boolean => event.room === room

const takesPart = ({ sender, eventId }: StoredEvent, userId: UserId, replied: ReadonlySet<EventId>): boolean =>
  sender === userId || replied.has(eventId)

const positionIn = (from: string | undefined): EventNumber => {
  if (from === undefined || from === '') return Number.MAX_SAFE_INTEGER
  const [, digits] = TOKEN.exec(from) ?? []
  const position = Number(digits)
  if (!Number.isSafeInteger(position)) throw new MatrixError('M_INVALID_PARAM', 'Not a token of a list of threads')
  return position
}
