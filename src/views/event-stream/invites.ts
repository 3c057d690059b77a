import type { UserId } from '#spec'
import type { MembershipRecord, StoredEvent } from '#store'
import type { EventTexts } from '../events/event-texts.ts'
import { type StrippedStateParts, strippedState } from '../events/stripped-state.ts'
import type { RoomViewer } from '../events/viewer.ts'
import { type InvitesShown, isInviteShown } from '../known/invites-shown.ts'
import { isInvite } from './scope.ts'

export interface InviteTextsParts extends StrippedStateParts {
  readonly texts: EventTexts
  readonly invites: InvitesShown
}

/** Invites of the reader, with the room's stripped state, which the event stream holds nowhere else. */
export class InviteTexts {
  readonly #parts: InviteTextsParts

  constructor(parts: InviteTextsParts) {
    this.#parts = parts
  }

  /** An event's text, with `invite_room_state` where it invites that user. */
  async completed(text: string, event: StoredEvent, userId: UserId): Promise<string> {
    if (event.stateKey !== userId || !isInvite(event)) return text
    const { texts } = await strippedState(event.room, event.position, userId, this.#parts)
    return `{"invite_room_state":[${texts.join()}],${text.slice(1)}`
  }

  /** A room that the viewer is invited to, as in `GET /initialSync`; undefined for an invite that the viewer is not shown. */
  async invite({ room, roomId }: MembershipRecord, position: number, viewer: RoomViewer): Promise<string | undefined> {
    const { reader, texts, invites } = this.#parts
    const invite = await reader.stateEvent(room, position, 'm.room.member', viewer.userId)
    if (invite === undefined || !(await isInviteShown(invites, viewer.user, invite.sender))) return undefined
    const text = await texts.joined({ events: [invite], viewer, form: 'old' })
    return (
      `{"room_id":${JSON.stringify(roomId)},"membership":"invite","inviter":${JSON.stringify(invite.sender)},` +
      `"invite":${await this.completed(text, invite, viewer.userId)}}`
    )
  }
}
