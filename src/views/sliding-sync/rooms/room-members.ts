import { type JsonObject, type Pdu, stringAt } from '#spec'
import type { StateEntryName, StoredEvent } from '#store'
import type { UnreadCounts } from '../../unread/unread-counts.ts'
import type { WireForm } from '../request.ts'
import { HEADING_TYPES } from './required-state.ts'

export const countsTexts = ({ main }: UnreadCounts): string[] => [
  `"notification_count":${main.notifications},"highlight_count":${main.highlights}`,
]

/** An entry of the state that is no more. */
export const stubOf = ({ type, stateKey }: StateEntryName): string => JSON.stringify({ type, state_key: stateKey })

export const expandedText = ({ form }: { readonly form: WireForm }): string =>
  `"${form === 'v4' ? '' : 'unstable_'}expanded_timeline":true`

export const distinct = (events: readonly StoredEvent[]): readonly StoredEvent[] => [
  ...new Map(events.map((event) => [event.eventId, event])).values(),
]

export const isHeading = (type: string): boolean => (HEADING_TYPES as readonly string[]).includes(type)

export const isGone = (removed: readonly StateEntryName[], wanted: string): boolean =>
  removed.some(({ type }) => type === wanted)

export const contentOf = ({ json }: StoredEvent): JsonObject => (JSON.parse(json) as Pdu).content

/** A member of an event's content that is a text, and not an empty one. */
export const textIn = (event: StoredEvent | undefined, name: string): string | undefined =>
  (event === undefined ? undefined : stringAt(contentOf(event), name)) || undefined
