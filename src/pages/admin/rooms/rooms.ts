import type { CustomReply } from '#http'
import type { Html } from '../../html.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { roomPath } from '../parts/links.ts'
import { type ListState, listOf } from '../parts/lists.ts'
import { count, id, link, orNone, tag, tags } from '../parts/words.ts'

export interface RoomRow {
  readonly roomId: string
  /** Empty texts: the room has none. */
  readonly name: string
  readonly canonicalAlias: string
  readonly joinedCount: number
  readonly joinedLocalCount: number
  readonly version: string
  readonly creator: string
  readonly encryption: string
  readonly federatable: boolean
  readonly published: boolean
  readonly joinRules: string
  readonly roomType: string
  readonly stateEvents: number
}

export const roomMarks = (room: RoomRow): readonly (Html | undefined)[] => [
  room.roomType === 'm.space' ? tag('space') : undefined,
  room.published ? tag('in the directory', 'good') : undefined,
  room.joinRules === 'public' ? tag('public') : undefined,
  room.encryption === '' ? undefined : tag('encrypted', 'good'),
  room.federatable ? undefined : tag('this server only'),
  room.joinedCount === 0 ? tag('empty', 'bad') : undefined,
]

const nameOf = ({ name, canonicalAlias, roomId }: RoomRow): Html =>
  link(roomPath(roomId), name !== '' ? name : canonicalAlias !== '' ? canonicalAlias : id(roomId))

export interface RoomsView {
  readonly state: ListState
  readonly rows: readonly RoomRow[]
  readonly total: number
  readonly next: string | undefined
}

const SHOWN = [
  { value: '', title: 'all rooms' },
  { value: 'published', title: 'in the directory' },
  { value: 'unpublished', title: 'not in the directory' },
  { value: 'empty', title: 'empty' },
  { value: 'inhabited', title: 'not empty' },
]

export const roomsPage = (frame: Frame, view: RoomsView): CustomReply =>
  adminPage(frame, {
    title: 'Rooms',
    lead: 'All rooms that people of this server are or were in.',
    main: listOf<RoomRow>({
      ...view,
      caption: 'Rooms',
      search: 'Part of a name or address, or a room id',
      filters: [{ name: 'show', label: 'Show', choices: SHOWN }],
      order: 'name',
      exports: true,
      empty: 'There is no such room.',
      columns: [
        { title: 'Room', order: 'name', cell: nameOf },
        { title: 'Address', order: 'canonical_alias', cell: ({ canonicalAlias }) => orNone(canonicalAlias) },
        { title: 'Members', order: 'joined_members', kind: 'number', cell: ({ joinedCount }) => count(joinedCount) },
        {
          title: 'From here',
          order: 'joined_local_members',
          kind: 'number',
          cell: ({ joinedLocalCount }) => count(joinedLocalCount),
        },
        { title: 'State', order: 'state_events', kind: 'number', cell: ({ stateEvents }) => count(stateEvents) },
        { title: 'Version', order: 'version', cell: ({ version }) => version },
        { title: 'Marks', cell: (room) => tags(roomMarks(room)) },
      ],
    }),
  })
