import type { CustomReply } from '#http'
import { type Html, html } from '../../html.ts'
import { type DeedPage, type DeedRefusal, deedPage } from '../parts/deed.ts'
import { field } from '../parts/forms.ts'
import type { Frame } from '../parts/frame.ts'
import { roomPath } from '../parts/links.ts'
import { id } from '../parts/words.ts'

export interface RoomDeedView {
  readonly roomId: string
  readonly refusal?: DeedRefusal | undefined
}

type RoomDeed = Pick<DeedPage, 'title' | 'words' | 'button' | 'look' | 'fields'> & { readonly rest: string }

const roomDeedPage = (frame: Frame, { roomId, refusal }: RoomDeedView, { rest, words, ...deed }: RoomDeed) =>
  deedPage(frame, {
    ...deed,
    above: [{ path: roomPath(roomId), title: roomId }],
    words: html`<p>The room: ${id(roomId)}</p>
${words}`,
    action: roomPath(roomId, rest),
    back: roomPath(roomId),
    refusal,
  })

const confirmation = (roomId: string): Html =>
  field({ name: 'confirmed', label: 'Type the room id to confirm', required: true, maxLength: 255, hint: roomId })

export const purgePage = (frame: Frame, view: RoomDeedView): CustomReply =>
  roomDeedPage(frame, view, {
    rest: 'purge',
    title: 'Purge old messages',
    words: html`<p>Messages of before a time are removed from this server for good. The room’s state stays, and so do copies that other servers have. A job does it.</p>`,
    button: 'Purge for good',
    look: 'final',
    fields: html`${field({ name: 'before', label: 'Remove messages of before (UTC)', kind: 'datetime-local', required: true })}
${field({ name: 'local', label: 'Also those of people of this server', kind: 'checkbox', hint: 'In a room that no other server is in, nobody has these any more.' })}
${confirmation(view.roomId)}`,
  })

export const deleteRoomPage = (frame: Frame, view: RoomDeedView): CustomReply =>
  roomDeedPage(frame, view, {
    rest: 'delete',
    title: 'Delete the room',
    words: html`<p>Everybody of this server leaves the room, and all that the server has of it is removed for good. Other servers keep their copies. A job does it, and can be watched.</p>`,
    button: 'Delete for good',
    look: 'final',
    fields: html`${field({ name: 'block', label: 'Let nobody join it again', kind: 'checkbox', checked: true })}
${field({ name: 'message', label: 'Tell its members why, in a new room', kind: 'textarea', maxLength: 4_000, hint: 'Empty: they leave and are told nothing.' })}
${confirmation(view.roomId)}`,
  })

export const moderatorPage = (frame: Frame, view: RoomDeedView): CustomReply =>
  roomDeedPage(frame, view, {
    rest: 'moderator',
    title: 'Give somebody power in the room',
    words: html`<p>They get the highest power that a member of this server has in the room and may give, and are invited where they could not join otherwise.</p>`,
    button: 'Give the power',
    look: 'plain',
    fields: field({
      name: 'user',
      label: 'User id',
      required: true,
      maxLength: 255,
      hint: `@name:${frame.serverName}`,
    }),
  })
