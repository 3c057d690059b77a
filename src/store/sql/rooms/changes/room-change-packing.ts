import type { Extremity, NewStoredEvent, RoomChange, StateChange } from '../../../ports/rooms/room-change.ts'
import type { Packing } from '../../engine/index.ts'

/** Number of values before the events, and of values for each event. */
const HEAD = 11
const EVENT = 18

/** Whether the last event is the only extremity, which is usual: then the extremities are left out. */
const isAtLast = ({ events, extremities }: RoomChange): boolean =>
  extremities.length === 1 && extremities[0]?.eventId === events.at(-1)?.eventId

const orNothing = <Item>(list: readonly Item[]): readonly Item[] | undefined => (list.length === 0 ? undefined : list)

/** Packs a room's change into one list of values, as busy rooms send thousands a second to the writing thread. */
export const roomChangePacking: Packing<RoomChange> = {
  pack: (change) => {
    const { room, base, events, state, extremities, missing, redactions, published, listing, stateSize, waiting } =
      change
    const values: unknown[] = [
      room,
      base.sequence,
      base.head,
      orNothing(state),
      isAtLast(change) ? undefined : extremities,
      missing,
      orNothing(redactions),
      published,
      listing,
      stateSize,
      waiting,
    ]
    for (const event of events) {
      const { transaction } = event
      values.push(
        event.eventId,
        event.type,
        event.stateKey,
        event.sender,
        event.originServerTs,
        event.depth,
        event.json,
        event.placing,
        event.prior,
        event.prevEvents,
        event.authEvents,
        transaction?.device,
        transaction?.scope,
        transaction?.id,
        event.relation,
        event.known,
        event.refusal,
        event.historyAt,
      )
    }
    return values
  },

  unpack: (values) => {
    const [
      room,
      sequence,
      head,
      state = [],
      extremities,
      missing,
      redactions = [],
      published,
      listing,
      stateSize,
      waiting,
    ] = values as [
      number,
      number,
      string,
      (readonly StateChange[])?,
      (readonly Extremity[])?,
      RoomChange['missing']?,
      RoomChange['redactions']?,
      RoomChange['published']?,
      RoomChange['listing']?,
      RoomChange['stateSize']?,
      RoomChange['waiting']?,
    ]
    const events: NewStoredEvent[] = []
    for (let at = HEAD; at < values.length; at += EVENT) events.push(eventIn(values, at))
    const last = events.at(-1)
    return {
      room,
      base: { sequence, head },
      events,
      state,
      extremities: extremities ?? (last === undefined ? [] : [{ eventId: last.eventId, depth: last.depth }]),
      ...(missing === undefined ? {} : { missing }),
      redactions,
      ...(published === undefined ? {} : { published }),
      ...(listing === undefined ? {} : { listing }),
      ...(stateSize === undefined ? {} : { stateSize }),
      ...(waiting === undefined ? {} : { waiting }),
    }
  },
}

const eventIn = (values: readonly unknown[], at: number): NewStoredEvent => {
  const prior = values[at + 8] as NewStoredEvent['prior']
  const device = values[at + 11] as number | undefined
  const relation = values[at + 14] as NewStoredEvent['relation']
  const known = values[at + 15] as NewStoredEvent['known']
  const refusal = values[at + 16] as NewStoredEvent['refusal']
  const historyAt = values[at + 17] as NewStoredEvent['historyAt']
  return {
    eventId: values[at] as NewStoredEvent['eventId'],
    type: values[at + 1] as string,
    stateKey: values[at + 2] as string | undefined,
    sender: values[at + 3] as NewStoredEvent['sender'],
    originServerTs: values[at + 4] as number,
    depth: values[at + 5] as number,
    json: values[at + 6] as string,
    placing: values[at + 7] as NewStoredEvent['placing'],
    ...(prior === undefined ? {} : { prior }),
    prevEvents: values[at + 9] as NewStoredEvent['prevEvents'],
    authEvents: values[at + 10] as NewStoredEvent['authEvents'],
    ...(device === undefined
      ? {}
      : { transaction: { device, scope: values[at + 12] as string, id: values[at + 13] as string } }),
    ...(relation === undefined ? {} : { relation }),
    ...(known === undefined ? {} : { known }),
    ...(refusal === undefined ? {} : { refusal }),
    ...(historyAt === undefined ? {} : { historyAt }),
  }
}
