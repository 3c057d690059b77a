import type { RoomNumber } from '#store'
import { type Positions, STREAMS } from '#streams'
import { NotPacked, PackedReader, PackedWriter } from './packed.ts'

/** How a connection knows a room. */
export interface KnownRoom {
  /** The room was in scope up to these positions, and not since; undefined: it is in scope. */
  readonly until: Positions | undefined
  /** The newest events that the client has without a gap, as far as it asked for. */
  readonly timelineLimit: number
  /** A hash of the state that was asked for. */
  readonly state: number
}

/** Different kinds of `KnownRoom`, few for many rooms. */
export class Kinds {
  readonly all: KnownRoom[] = []
  readonly #indexes = new Map<string, number>()

  of(known: KnownRoom): number {
    const key = keyOf(known)
    const index = this.#indexes.get(key)
    if (index !== undefined) return index
    this.#indexes.set(key, this.all.length)
    return this.all.push(known) - 1
  }
}

export const keyOf = ({ until, timelineLimit, state }: KnownRoom): string =>
  `${timelineLimit} ${state} ${until === undefined ? '' : STREAMS.map((stream) => until[stream]).join()}`

/** Rooms that went out of scope at more different positions count as gone at earlier ones: they are then told a little twice. */
const MAX_UNTIL = 64

export const packRooms = (
  rooms: readonly (readonly [RoomNumber, KnownRoom])[],
  gone: readonly RoomNumber[],
): string => {
  const groups = new Kinds()
  const members: RoomNumber[][] = []
  for (const [room, known] of withFewerUntil(rooms)) {
    const index = groups.of(known)
    const group = members[index] ?? []
    members[index] = group
    group.push(room)
  }
  const writer = new PackedWriter().number(VERSION).number(STREAMS.length).number(groups.all.length)
  for (const [index, { until, timelineLimit, state }] of groups.all.entries()) {
    writer
      .number(timelineLimit)
      .number(state)
      .number(until === undefined ? 0 : 1)
    if (until !== undefined) for (const stream of STREAMS) writer.number(until[stream])
    writer.ascending((members[index] ?? []).sort((one, other) => one - other))
  }
  return writer.ascending([...gone].sort((one, other) => one - other)).text()
}

const VERSION = 1

export const unpackRooms = (
  packed: string,
): { readonly rooms: [RoomNumber, KnownRoom][]; readonly gone: RoomNumber[] } => {
  const reader = new PackedReader(packed)
  if (reader.number() !== VERSION) throw new NotPacked('of another version')
  const streams = reader.number()
  if (streams > STREAMS.length) throw new NotPacked('of a later version')
  const rooms: [RoomNumber, KnownRoom][] = []
  for (let left = reader.count(); left > 0; left--) {
    const [timelineLimit, state, isOut] = [reader.number(), reader.number(), reader.number()]
    const until = isOut === 0 ? undefined : readPositions(reader, streams)
    for (const room of reader.ascending()) rooms.push([room, { timelineLimit, state, until }])
  }
  const gone = reader.ascending()
  if (!reader.isAtEnd) throw new NotPacked('there is more than was written')
  return { rooms, gone }
}

/** Streams that were added since begin at 0: all of them is told. */
const readPositions = (reader: PackedReader, streams: number): Positions =>
  Object.fromEntries(STREAMS.map((stream, index) => [stream, index < streams ? reader.number() : 0])) as Positions

const withFewerUntil = (
  rooms: readonly (readonly [RoomNumber, KnownRoom])[],
): readonly (readonly [RoomNumber, KnownRoom])[] => {
  const different = new Map<string, Positions>()
  for (const [, { until }] of rooms)
    if (until !== undefined) different.set(keyOf({ until, timelineLimit: 0, state: 0 }), until)
  if (different.size <= MAX_UNTIL) return rooms
  // The positions of one connection grow together, so the order of one stream is that of all.
  const sorted = [...different.entries()].sort(([, one], [, other]) => sumOf(one) - sumOf(other))
  const size = Math.ceil(sorted.length / MAX_UNTIL)
  const earlier = new Map(sorted.map(([key], index) => [key, sorted[index - (index % size)]?.[1]]))
  return rooms.map(([room, known]) => {
    if (known.until === undefined) return [room, known]
    const until = earlier.get(keyOf({ until: known.until, timelineLimit: 0, state: 0 }))
    return [room, { ...known, until }]
  })
}

const sumOf = (positions: Positions): number => STREAMS.reduce((sum, stream) => sum + positions[stream], 0)
