import type { RoomNumber, RoomStateReader } from '#store'

/** The state by which somebody who is invited or knocks knows a room (client-server API, "Stripped state"). */
const TOLD_TYPES = [
  'm.room.create',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.encryption',
]

/** The state that other servers are told of a room whose members they are not yet: whole events, so that they can check them (since v1.16). */
export class ToldRoomState {
  readonly #reader: RoomStateReader

  constructor({ reader }: { readonly reader: RoomStateReader }) {
    this.#reader = reader
  }

  /** The JSON of the events. `sender`: whose member event is told as well. */
  async pdus(room: RoomNumber, sender?: string): Promise<readonly string[]> {
    const told = await this.#reader.state(room, { at: 'current', types: TOLD_TYPES, stateKeys: [''] })
    const member =
      sender === undefined ? undefined : await this.#reader.stateEvent(room, 'current', 'm.room.member', sender)
    return [...told, ...(member === undefined ? [] : [member])].map(({ json }) => json)
  }
}
