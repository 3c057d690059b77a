import type { Clock } from '#base'
import { type Pdu, stringAt } from '#spec'
import type { EventsReader, HistoryPlace, RoomStateReader, StoredEvent } from '#store'
import { formatPlaceToken } from '#streams'
import type { EventTexts } from '../events/event-texts.ts'
import type { RoomViewer } from '../events/viewer.ts'
import { earlierPlace, placeAfter, placeAtPosition, placeBefore } from '../history/places.ts'
import { readPage, type TimelinePage } from '../history/timeline-page.ts'
import type { RoomVisibility } from '../known/room-visibility.ts'
import type { ContextWish } from './request.ts'

export interface ResultContextParts {
  readonly reader: EventsReader & RoomStateReader
  readonly texts: EventTexts
  readonly clock: Clock
}

export interface ContextOf {
  readonly event: StoredEvent
  readonly wish: ContextWish
  readonly viewer: RoomViewer
  readonly visibility: RoomVisibility
  /** Last position that the viewer may read. */
  readonly upTo: number | undefined
}

/** The events around a result, with tokens that `/messages` takes, and the profiles of their senders at that time. */
export class ResultContext {
  readonly #parts: ResultContextParts

  constructor(parts: ResultContextParts) {
    this.#parts = parts
  }

  /** As JSON text. Events before come newest first. */
  async text(of: ContextOf): Promise<string> {
    const { event, wish, viewer, visibility } = of
    const before = await this.#page(of, 'backward', wish.before)
    const after = await this.#page(of, 'forward', wish.after)
    const textsOf = (events: readonly StoredEvent[]): Promise<string> =>
      this.#parts.texts.joined({ events, viewer, form: viewer.form ?? 'full', visibility, tellsMembership: true })
    const members = [
      `"start":"${formatPlaceToken(placeBefore(before.last ?? event))}"`,
      `"end":"${formatPlaceToken(placeAfter(after.last ?? event))}"`,
      `"events_before":[${await textsOf(before.events)}]`,
      `"events_after":[${await textsOf(after.events)}]`,
    ]
    if (wish.profiles) {
      const profiles = await this.#profiles(event, [...before.events, event, ...after.events])
      members.push(`"profile_info":${JSON.stringify(profiles)}`)
    }
    return `{${members.join()}}`
  }

  async #page(
    { event, visibility, upTo }: ContextOf,
    direction: 'forward' | 'backward',
    limit: number,
  ): Promise<TimelinePage> {
    const { reader, clock } = this.#parts
    const { room } = event
    const end = upTo === undefined ? undefined : await placeAtPosition(room, upTo, reader)
    const read = (last: StoredEvent | undefined, size: number): Promise<readonly StoredEvent[]> => {
      const from = last ?? event
      const range: { after?: HistoryPlace; upTo?: HistoryPlace | undefined } =
        direction === 'forward'
          ? { after: placeAfter(from), upTo: end }
          : { upTo: earlierPlace(placeBefore(from), end) }
      return reader.history(room, { ...range, direction, limit: size })
    }
    return readPage(
      {
        read,
        limit,
        learn: (events) => visibility.learn(events),
        passes: (one) => (upTo === undefined || one.position <= upTo) && visibility.mayShow(one),
      },
      clock,
    )
  }

  /** Names and pictures in force at the result, by user id. */
  async #profiles(
    { room, position }: StoredEvent,
    events: readonly StoredEvent[],
  ): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> {
    const stateKeys = [...new Set(events.map(({ sender }) => sender))]
    const members = await this.#parts.reader.state(room, { at: position, types: ['m.room.member'], stateKeys })
    return Object.fromEntries(members.map(({ stateKey = '', json }) => [stateKey, profileIn(json)]))
  }
}

const profileIn = (json: string): Readonly<Record<string, string>> => {
  const { content } = JSON.parse(json) as Pdu
  const displayname = stringAt(content, 'displayname')
  const avatarUrl = stringAt(content, 'avatar_url')
  return {
    ...(displayname === undefined ? {} : { displayname }),
    ...(avatarUrl?.startsWith('mxc://') === true ? { avatar_url: avatarUrl } : {}),
  }
}
