import type { UserId } from '#spec'
import type { RoomsReader, StoredEvent } from '#store'
import type { ClientEvents } from '../events/client-event.ts'
import { strippedState } from '../events/stripped-state.ts'
import { isInvite } from './scope.ts'

export interface InviteTextsParts {
  readonly reader: RoomsReader
  readonly clientEvents: ClientEvents
}

/** Invites of the reader, with the room's stripped state, which the event stream holds nowhere else. */
export class InviteTexts {
  readonly #reader: RoomsReader
  readonly #clientEvents: ClientEvents

  constructor({ reader, clientEvents }: InviteTextsParts) {
    this.#reader = reader
    this.#clientEvents = clientEvents
  }

  /** An event's text, with `invite_room_state` where it invites that user. */
  async completed(text: string, event: StoredEvent, userId: UserId): Promise<string> {
    if (event.stateKey !== userId || !isInvite(event)) return text
    const state = await strippedState(event.room, event.position, userId, this.#reader, this.#clientEvents)
    return `{"invite_room_state":[${state}],${text.slice(1)}`
  }
}
