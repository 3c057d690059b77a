import { type EventId, type StateTuple, stateTupleKey } from '#spec'
import type { RoomGraphReader, RoomNumber } from '#store'
import type { StateView } from './state-view.ts'

/** One entry that some states do not have in common: its value in each. */
export interface Difference extends StateTuple {
  readonly values: readonly (EventId | undefined)[]
}

type StoredStates = Pick<RoomGraphReader, 'stateValues' | 'wholeState' | 'differingEntries' | 'lastChanges'>

/** Reads states of rooms that are partly stored and partly about to be. */
export class RoomStates {
  readonly #reader: StoredStates

  constructor(reader: StoredStates) {
    this.#reader = reader
  }

  /** Some entries by `stateTupleKey`; those that the state does not have are left out. */
  async values(
    room: RoomNumber,
    view: StateView,
    tuples: readonly StateTuple[],
  ): Promise<ReadonlyMap<string, EventId>> {
    const found = new Map<string, EventId>()
    const stored: StateTuple[] = []
    for (const tuple of tuples) {
      const key = stateTupleKey(tuple.type, tuple.stateKey)
      const own = view.over.get(key)
      if (own === undefined) stored.push(tuple)
      else if (own.eventId !== null) found.set(key, own.eventId)
    }
    if (stored.length === 0) return found
    for (const { type, stateKey, eventId } of await this.#reader.stateValues(room, view, stored))
      found.set(stateTupleKey(type, stateKey), eventId)
    return found
  }

  /** The same states, those that are the log at a position by the position at which the log last changed: so that equal ones are seen to be equal. */
  async canonical(room: RoomNumber, views: readonly StateView[]): Promise<readonly StateView[]> {
    const positions = views.flatMap(({ at, branch }) => (branch === undefined ? [at] : []))
    const changed = await this.#reader.lastChanges(room, positions)
    return views.map((view) => (view.branch === undefined ? { at: changed.get(view.at) ?? 0, over: view.over } : view))
  }

  /** The whole state. */
  async whole(room: RoomNumber, view: StateView): Promise<Map<string, EventId>> {
    const state = new Map<string, EventId>()
    for await (const page of this.#reader.wholeState(room, view))
      for (const { type, stateKey, eventId } of page) state.set(stateTupleKey(type, stateKey), eventId)
    for (const [key, { eventId }] of view.over) {
      if (eventId === null) state.delete(key)
      else state.set(key, eventId)
    }
    return state
  }

  /** The entries in which the states differ: costs what lies between them. */
  async differences(room: RoomNumber, views: readonly StateView[]): Promise<readonly Difference[]> {
    const tuples = new Map<string, StateTuple>()
    for (const { type, stateKey } of await this.#reader.differingEntries(room, views))
      tuples.set(stateTupleKey(type, stateKey), { type, stateKey })
    for (const { over } of views) for (const [key, { type, stateKey }] of over) tuples.set(key, { type, stateKey })
    const wanted = [...tuples.values()]
    const values: ReadonlyMap<string, EventId>[] = []
    for (const view of views) values.push(await this.values(room, view, wanted))
    return [...tuples]
      .map(([key, tuple]) => ({ ...tuple, values: values.map((state) => state.get(key)) }))
      .filter((difference) => difference.values.some((eventId) => eventId !== difference.values[0]))
  }
}
