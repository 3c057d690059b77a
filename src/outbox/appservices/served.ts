import type { RoomId, UserId } from '#spec'

/** An application service, as far as sending to it needs to know. */
export interface ServedAppservice {
  readonly id: string
  readonly sender: UserId
  readonly registration: {
    /** undefined: nothing is sent. */
    readonly url: string | undefined
    readonly hsToken: string
    readonly ephemeral: { readonly stable: boolean; readonly legacy: boolean }
    readonly encryption: boolean
  }
  hasUser(userId: UserId): boolean
  hasAlias(alias: string): boolean
  hasRoom(roomId: RoomId): boolean
  /** Whether the user is the service's alone. */
  owns(userId: UserId): boolean
}

export const wantsEphemeral = ({ registration: { ephemeral } }: ServedAppservice): boolean =>
  ephemeral.stable || ephemeral.legacy
