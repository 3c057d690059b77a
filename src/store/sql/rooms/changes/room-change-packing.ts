import type {
  AppliedRoomChange,
  Extremity,
  NewStoredEvent,
  RoomChange,
  StateChange,
} from '../../../ports/rooms/room-change.ts'
import type { Packing } from '../../engine/index.ts'

/** Number of values before the events, and of values for each event. */
const HEAD = 11
const EVENT = 18

/** Whether the last event is the only extremity, which is usual: then the extremities are left out. */
const isAtLast = ({ events, extremities }: RoomChange): boolean =>
  extremities.length === 1 && extremities[0]?.eventId === events.at(-1)?.eventId

const orNothing = <Item>(list: readonly Item[]): readonly Item[] | undefined => (list.length === 0 ? undefined : list)

/** Stands before a list of values that is a plain message alone; others begin with the number of their room. */
const MESSAGE = 'm'

/** The event of a change that adds one message without a relation, as nearly all do; undefined for any other change. */
const messageIn = (change: RoomChange): NewStoredEvent | undefined => {
  const [event, second] = change.events
  if (event === undefined || second !== undefined || event.placing !== 'timeline') return undefined
  const { stateKey, prior, relation, known, refusal, historyAt } = event
  const isPlain =
    (stateKey ?? prior ?? relation ?? known ?? refusal ?? historyAt) === undefined &&
    change.state.length === 0 &&
    change.redactions.length === 0 &&
    (change.missing ?? change.published ?? change.listing ?? change.stateSize ?? change.waiting) === undefined &&
    isAtLast(change)
  return isPlain ? event : undefined
}

const packMessage = ({ room, base }: RoomChange, event: NewStoredEvent): readonly unknown[] => {
  const { eventId, type, sender, originServerTs, depth, json, prevEvents, authEvents, transaction } = event
  const values: unknown[] = [MESSAGE, room, base.sequence, base.head]
  values.push(eventId, type, sender, originServerTs, depth, json, prevEvents.length, ...prevEvents, ...authEvents)
  // Behind the references, whose number is known by that of all values.
  if (transaction !== undefined) values.push(transaction.device, transaction.scope, transaction.id)
  values.push(transaction !== undefined)
  return values
}

/** Where the events that a message refers to begin. */
const REFERENCES = 11

const messageOf = (values: readonly unknown[]): RoomChange => {
  const hasTransaction = values.at(-1) === true
  const end = values.length - (hasTransaction ? 4 : 1)
  const authAt = REFERENCES + (values[10] as number)
  const event = {
    eventId: values[4] as NewStoredEvent['eventId'],
    type: values[5] as string,
    stateKey: undefined,
    sender: values[6] as NewStoredEvent['sender'],
    originServerTs: values[7] as number,
    depth: values[8] as number,
    json: values[9] as string,
    placing: 'timeline' as const,
    prevEvents: values.slice(REFERENCES, authAt) as NewStoredEvent['prevEvents'],
    authEvents: values.slice(authAt, end) as NewStoredEvent['authEvents'],
  }
  const [device, scope, id] = values.slice(end) as [number, string, string]
  return {
    room: values[1] as number,
    base: { sequence: values[2] as number, head: values[3] as string },
    events: [hasTransaction ? { ...event, transaction: { device, scope, id } } : event],
    state: [],
    extremities: [{ eventId: event.eventId, depth: event.depth }],
    redactions: [],
  }
}

/** Packs a room's change into one list of values, as busy rooms send thousands a second to the writing thread. */
export const roomChangePacking: Packing<RoomChange> = {
  pack: (change) => {
    const message = messageIn(change)
    if (message !== undefined) return packMessage(change, message)
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
    if (values[0] === MESSAGE) return messageOf(values)
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

/** Packs what `rooms.apply` answers. */
export const appliedChangePacking: Packing<AppliedRoomChange> = {
  pack: ({ room, base, positions }) => [room, base.sequence, base.head, ...positions],
  unpack: ([room, sequence, head, ...positions]) => ({
    room: room as number,
    base: { sequence: sequence as number, head: head as string },
    positions: positions as number[],
  }),
}
