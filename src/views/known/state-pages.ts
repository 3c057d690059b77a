import type { PlacedChange, PlacedEvent, RoomNumber, RoomStateReader, StateEntryName, StoredEvent } from '#store'

/** Events of a room's state, a page at a time. */
export type StatePages = AsyncGenerator<readonly StoredEvent[], void, undefined>

type Reader = Pick<RoomStateReader, 'stateInForce' | 'stateReplaced' | 'stateChangesPage'>

/** Bytes of a page, as a rule: its size follows from the events of the page before. */
const PAGE_BYTES = 128 * 1024
const FIRST_PAGE = 32
const MAX_PAGE = 200

export const MEMBER = 'm.room.member'
/** Right behind that type. */
const AFTER_MEMBER = `${MEMBER}\u0001`
/** Before all entries of its type. */
export const FIRST = { type: '', stateKey: '' }
/** Behind all state keys: these have at most 255 bytes. */
export const LAST_KEY = '\u{10ffff}'.repeat(64)

/** Behind all changes at that position. */
const behind = (position: number): PlacedChange => ({ position, type: LAST_KEY, stateKey: LAST_KEY })

/** Bytes of an event's JSON texts. */
const bytesOf = ({ json, replaces, redactedBy }: StoredEvent): number =>
  json.length + (replaces?.json.length ?? 0) + (redactedBy?.json.length ?? 0)

const nextSize = (page: readonly PlacedEvent[]): number => {
  const bytes = page.reduce((sum, { event }) => sum + bytesOf(event), 1)
  return Math.max(2, Math.min(MAX_PAGE, Math.floor((PAGE_BYTES / bytes) * page.length)))
}

export interface StatePagesWant {
  readonly at: number
  /** Whether members are included. */
  readonly members: boolean
  /** Whether state resolution may have changed something since; default true. */
  readonly resolved?: boolean
}

/**
 * The state of a room right after the event at `at`, in no certain order. An entry that is replaced while the pages are read may come twice. The cost is
 * that of the entries, and of what was replaced since.
 */
export async function* statePages(
  reader: Reader,
  room: RoomNumber,
  { at, members, resolved = true }: StatePagesWant,
): StatePages {
  let changed = resolved
  const ranges = members
    ? [{ from: FIRST, beforeType: undefined }]
    : [
        { from: FIRST, beforeType: MEMBER },
        { from: { type: MEMBER, stateKey: LAST_KEY }, beforeType: undefined },
      ]
  for (const range of ranges) {
    for await (const page of inForce(reader, room, range)) {
      const older = page.filter(({ change }) => change.position <= at)
      // An entry that came into force later by its own event, and replaced nothing, stands in no older entry's place.
      changed ||= page.some(({ change, event }) => change.position > at && event.replaces !== undefined)
      if (older.length > 0) yield older.map(({ event }) => event)
    }
  }
  // An entry that was replaced since has a newer event now.
  if (!changed) return
  const first: PlacedChange = behind(at)
  for await (const page of placedPages((after, limit) => reader.stateReplaced(room, at, after, limit), first))
    yield members ? page : page.filter(({ type }) => type !== MEMBER)
}

/** The member events of the state of a room right after the event at `at`, likewise. */
export async function* memberPages(reader: Reader, room: RoomNumber, at: number): StatePages {
  const range = { from: { type: MEMBER, stateKey: '' }, beforeType: AFTER_MEMBER }
  for await (const page of inForce(reader, room, range))
    yield page.flatMap(({ change, event }) => (change.position <= at ? [event] : []))
  for await (const page of placedPages((after, limit) => reader.stateReplaced(room, at, after, limit), behind(at)))
    yield page.filter(({ type }) => type === MEMBER)
}

/** The entries that came into force with `after` < position <= `upTo` and are in force at `upTo`. */
export const stateChangePages = (reader: Reader, room: RoomNumber, after: number, upTo: number): StatePages =>
  placedPages((from, limit) => reader.stateChangesPage(room, from, upTo, limit), behind(after))

async function* inForce(
  reader: Reader,
  room: RoomNumber,
  { from, beforeType }: { readonly from: typeof FIRST; readonly beforeType: string | undefined },
): AsyncGenerator<readonly PlacedEvent[], void, undefined> {
  let limit = FIRST_PAGE
  let after: StateEntryName = from
  for (;;) {
    const page = await reader.stateInForce(room, { after, beforeType, limit })
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    if (page.length < limit) return
    after = last.change
    limit = nextSize(page)
  }
}

async function* placedPages(
  read: (after: PlacedChange, limit: number) => Promise<readonly PlacedEvent[]>,
  from: PlacedChange,
): StatePages {
  let limit = FIRST_PAGE
  let after = from
  for (;;) {
    const found = await read(after, limit)
    const last = found.at(-1)
    if (last === undefined) return
    yield found.map(({ event }) => event)
    if (found.length < limit) return
    after = last.change
    limit = nextSize(found)
  }
}
