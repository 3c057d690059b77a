import type { Clock } from '#base'
import type { EventId, UserId } from '#spec'
import type { EventsReader, RoomNumber, StickyEventsReader, StoredEvent } from '#store'
import type { Window } from '../known/window.ts'
import type { StickyRooms } from './sticky-rooms.ts'

export interface StickyEventsParts {
  readonly reader: StickyEventsReader
  readonly events: Pick<EventsReader, 'events'>
  readonly rooms: StickyRooms
  readonly clock: Clock
}

/** Events of up to 64 KiB are read at once. */
const AT_ONCE = 50

/** The sticky events of rooms (MSC4354): members are told of each once while it is sticky, whatever their timelines hold and whoever may read the history. */
export class StickyEvents {
  readonly #parts: StickyEventsParts

  constructor(parts: StickyEventsParts) {
    this.#parts = parts
  }

  /**
   * Pages of the room's events that are sticky now and new in the window; all of them where the room is `fresh` to the user. undefined where there are
   * none, nearly always without a question to the store. Those in `told`, redacted ones and those of ignored users are left out.
   */
  async inRoom(
    { since, now, ignored }: Window,
    room: RoomNumber,
    { fresh, told }: { readonly fresh: boolean; readonly told: readonly StoredEvent[] },
  ): Promise<AsyncIterable<readonly StoredEvent[]> | undefined> {
    const after = since === undefined || fresh ? 0 : since.stickyEvents
    if (after >= now.stickyEvents || !this.#parts.rooms.mayHave(room, after)) return undefined
    const known = new Set(told.map(({ eventId }) => eventId))
    const pages = this.#pages(room, { after, upTo: now.stickyEvents }, { known, ignored })
    const first = await pages.next()
    return first.done === true ? undefined : beginningWith(first.value, pages)
  }

  async *#pages(
    room: RoomNumber,
    window: { readonly after: number; readonly upTo: number },
    { known, ignored }: { readonly known: ReadonlySet<EventId>; readonly ignored: ReadonlySet<UserId> },
  ): AsyncGenerator<readonly StoredEvent[], void, undefined> {
    const { reader, events, clock } = this.#parts
    for (let { after } = window; ; ) {
      const page = await reader.stickyEvents(room, { ...window, after, nowMs: clock.nowMs(), limit: AT_ONCE })
      const wanted = page.map(({ eventId }) => eventId).filter((eventId) => !known.has(eventId))
      const found = wanted.length === 0 ? [] : await events.events(wanted)
      const shown = found.filter(({ sender, redactedBy }) => redactedBy === undefined && !ignored.has(sender))
      if (shown.length > 0) yield shown
      const last = page.at(-1)
      if (last === undefined || page.length < AT_ONCE) return
      after = last.position
    }
  }
}

async function* beginningWith<Page>(first: Page, rest: AsyncIterable<Page>): AsyncGenerator<Page, void, undefined> {
  yield first
  yield* rest
}
