import { createHmac } from 'node:crypto'
import type { EventId, RoomId, ServerName } from '#spec'

export interface ShadowIdsParts {
  /** Known to nobody but this server, and the same in all its processes. */
  readonly key: string
  readonly serverName: ServerName
}

/**
 * Ids of events and rooms that there are not, for accounts whose deeds reach nobody and who must not notice. The same names give the same id, so a request
 * that is repeated is answered as before.
 */
export class ShadowIds {
  readonly #parts: ShadowIdsParts

  constructor(parts: ShadowIdsParts) {
    this.#parts = parts
  }

  eventId(...names: readonly string[]): EventId {
    return `$${this.#digest('event', names)}` as EventId
  }

  /** In the form of the id of that other room. */
  roomId(like: string, ...names: readonly string[]): RoomId {
    const digest = this.#digest('room', [like, ...names])
    if (!like.includes(':')) return `!${digest}` as RoomId
    return `!${digest.replaceAll(/[^A-Za-z]/g, 'x').slice(0, 18)}:${this.#parts.serverName}` as RoomId
  }

  #digest(kind: string, names: readonly string[]): string {
    return createHmac('sha256', this.#parts.key)
      .update(JSON.stringify([kind, ...names]))
      .digest('base64url')
  }
}
