import type { CustomReply } from '#http'
import { type Html, html } from '../../html.ts'
import { type DeedRefusal, deedPage } from '../parts/deed.ts'
import { deedLink, deeds, field, postForm } from '../parts/forms.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { personPath, roomPath, subjectLink } from '../parts/links.ts'
import { factsOf, type ListState, listOf } from '../parts/lists.ts'
import { bytes, id, link, moment, NONE, orNone, tag, tags } from '../parts/words.ts'

export interface MediaRow {
  readonly mediaId: string
  /** undefined: the server itself. */
  readonly userId: string | undefined
  readonly createdAtMs: number
  readonly usedAtMs: number | undefined
  readonly sizeBytes: number
  readonly contentType: string
  readonly fileName: string | undefined
  readonly quarantinedBy: string | undefined
  readonly isProtected: boolean
}

export interface MediaView {
  readonly state: ListState
  readonly rows: readonly MediaRow[]
  readonly total: number
  readonly next: string | undefined
  /** The person whose media these are; undefined: everybody's. */
  readonly userId: string | undefined
}

const SECTION = '/admin/media'

const mediaPath = (mediaId: string, rest?: string): string =>
  `${SECTION}/${encodeURIComponent(mediaId)}${rest === undefined ? '' : `/${rest}`}`

const marksOf = ({ quarantinedBy, isProtected }: Pick<MediaRow, 'quarantinedBy' | 'isProtected'>): Html =>
  tags([
    quarantinedBy === undefined ? undefined : tag('in quarantine', 'bad'),
    isProtected ? tag('protected', 'good') : undefined,
  ])

/** Uploads of people of this server, by size, age or person. */
export const mediaPage = (frame: Frame, { userId, ...view }: MediaView): CustomReply =>
  adminPage(frame, {
    title: 'Media',
    lead: 'What people of this server uploaded. Times are UTC.',
    main: html`${deeds(
      deedLink(`${SECTION}/old`, 'Delete what nobody uses', 'danger'),
      deedLink(`${SECTION}/cache`, 'Delete copies of other servers', 'danger'),
      userId === undefined
        ? undefined
        : deedLink(personPath(userId, 'quarantine-media'), 'Put all of theirs into quarantine', 'danger'),
    )}${listOf<MediaRow>({
      ...view,
      caption: 'Media',
      search: 'User id',
      order: 'created_ts',
      descending: true,
      exports: true,
      empty: 'There are no such media.',
      columns: [
        {
          title: 'Name',
          order: 'upload_name',
          cell: ({ mediaId, fileName }) => link(mediaPath(mediaId), fileName ?? id(mediaId)),
        },
        { title: 'Size', order: 'media_length', kind: 'number', cell: ({ sizeBytes }) => bytes(sizeBytes) },
        { title: 'Type', order: 'media_type', cell: ({ contentType }) => contentType },
        { title: 'Uploaded by', cell: (row) => (row.userId === undefined ? 'the server' : subjectLink(row.userId)) },
        { title: 'Uploaded', order: 'created_ts', cell: ({ createdAtMs }) => moment(createdAtMs) },
        { title: 'Last used', order: 'last_access_ts', cell: ({ usedAtMs }) => moment(usedAtMs) },
        { title: 'Marks', cell: marksOf },
      ],
    })}`,
  })

export interface OneMediaView {
  readonly server: string
  readonly mediaId: string
  readonly userId: string | undefined
  readonly createdAtMs: number | undefined
  readonly usedAtMs: number | undefined
  readonly sizeBytes: number
  readonly contentType: string
  readonly fileName: string | undefined
  readonly sha256: string
  readonly quarantinedBy: string | undefined
  readonly isProtected: boolean
}

export const oneMediaPage = (frame: Frame, view: OneMediaView): CustomReply => {
  const { mediaId, quarantinedBy, isProtected } = view
  const post = (rest: string, button: string, to: boolean): Html =>
    postForm({
      action: mediaPath(mediaId, rest),
      csrf: frame.csrf,
      button,
      look: 'quiet',
      hidden: { to: to ? 'yes' : 'no' },
    })
  return adminPage(frame, {
    title: view.fileName ?? mediaId,
    above: [],
    main: html`${factsOf([
      ['Address', id(`mxc://${view.server}/${mediaId}`)],
      ['Marks', marksOf(view)],
      ['Size', bytes(view.sizeBytes)],
      ['Type', view.contentType],
      ['Uploaded by', view.userId === undefined ? NONE : subjectLink(view.userId)],
      ['Uploaded', moment(view.createdAtMs)],
      ['Last used', moment(view.usedAtMs)],
      ['SHA-256', id(view.sha256)],
      quarantinedBy === undefined ? undefined : ['In quarantine by', id(quarantinedBy)],
    ])}${deeds(
      post(
        'quarantine',
        quarantinedBy === undefined ? 'Put into quarantine' : 'Take out of quarantine',
        quarantinedBy === undefined,
      ),
      post('protect', isProtected ? 'Protect no longer' : 'Protect', !isProtected),
      deedLink(mediaPath(mediaId, 'delete'), 'Delete', 'danger'),
    )}<p class="hint">Nobody gets media that are in quarantine. Protected ones are never put there, neither one by one nor with a room or a person.</p>`,
  })
}

const refused = (text: string | undefined): DeedRefusal | undefined =>
  text === undefined ? undefined : { status: 400, text }

export const deleteMediaPage = (frame: Frame, mediaId: string): CustomReply =>
  deedPage(frame, {
    action: mediaPath(mediaId, 'delete'),
    above: [{ path: mediaPath(mediaId), title: mediaId }],
    title: 'Delete this',
    words: html`<p>It is gone for good here, wherever it is shown. Other servers may keep copies.</p>`,
    button: 'Delete for good',
    look: 'final',
    back: mediaPath(mediaId),
  })

export const deleteOldMediaPage = (frame: Frame, refusal?: string): CustomReply =>
  deedPage(frame, {
    action: `${SECTION}/old`,
    above: [],
    title: 'Delete what nobody uses',
    words: html`<p>Media of this server that nobody asked for since a time are removed for good. Avatars and protected media stay. A job does it.</p>`,
    button: 'Delete for good',
    look: 'final',
    fields: html`${field({ name: 'before', label: 'Not used since (UTC)', kind: 'datetime-local', required: true })}
${field({ name: 'size', label: 'Only those larger than so many bytes', maxLength: 15, hint: 'Empty: of any size.' })}`,
    back: SECTION,
    refusal: refused(refusal),
  })

export const purgeCachePage = (frame: Frame, refusal?: string): CustomReply =>
  deedPage(frame, {
    action: `${SECTION}/cache`,
    above: [],
    title: 'Delete copies of other servers',
    words: html`<p>Copies of media of other servers that nobody asked for since a time are removed. If somebody wants one again, it is fetched again, as long as its server has it. A job does it.</p>`,
    button: 'Delete the copies',
    look: 'final',
    fields: field({ name: 'before', label: 'Not used since (UTC)', kind: 'datetime-local', required: true }),
    back: SECTION,
    refusal: refused(refusal),
  })

export const quarantineAllPage = (
  frame: Frame,
  of: { readonly kind: 'person' | 'room'; readonly id: string },
): CustomReply => {
  const path = of.kind === 'person' ? personPath : roomPath
  return deedPage(frame, {
    action: path(of.id, 'quarantine-media'),
    above: [{ path: path(of.id), title: of.id }],
    title: 'Put media into quarantine',
    words: html`<p>${of.kind === 'person' ? 'All that this person uploaded' : 'All media that this room shows'}, except for protected ones, can be seen by nobody from then on. They can be taken out again one by one. A job does it.</p>
<p>${id(of.id)}</p>`,
    button: 'Put all into quarantine',
    look: 'final',
    back: path(of.id),
  })
}

export interface RoomMediaView {
  readonly roomId: string
  readonly state: ListState
  readonly rows: readonly { readonly uri: string; readonly mediaId: string | undefined }[]
  readonly total: number
  readonly next: string | undefined
}

/** The media that a room shows. */
export const roomMediaPage = (frame: Frame, { roomId, ...view }: RoomMediaView): CustomReply =>
  adminPage(frame, {
    title: 'Media of a room',
    lead: 'What the room’s messages and pictures show, as far as it is not encrypted.',
    above: [{ path: roomPath(roomId), title: roomId }],
    main: html`${deeds(deedLink(roomPath(roomId, 'quarantine-media'), 'Put all into quarantine', 'danger'))}${listOf<
      RoomMediaView['rows'][number]
    >({
      ...view,
      caption: `Media of ${roomId}`,
      exports: true,
      empty: 'The room shows no media.',
      columns: [
        {
          title: 'Address',
          cell: ({ uri, mediaId }) => (mediaId === undefined ? id(uri) : link(mediaPath(mediaId), id(uri))),
        },
        { title: 'Where', cell: ({ mediaId }) => orNone(mediaId === undefined ? 'another server' : 'here') },
      ],
    })}`,
  })
