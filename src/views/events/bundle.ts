import type { EventId, UserId } from '#spec'
import type { StoredEvent, UserNumber } from '#store'

/** The relations bundled with an event, for one reader ("Aggregations of child events"). */
export interface Bundle {
  /** The newest replacement. */
  readonly edit: StoredEvent | undefined
  readonly thread:
    | {
        readonly latest: StoredEvent
        readonly latestEdit: StoredEvent | undefined
        readonly count: number
        readonly participated: boolean
      }
    | undefined
  readonly references: readonly EventId[]
}

export type Bundles = ReadonlyMap<EventId, Bundle>

export const NO_BUNDLES: Bundles = new Map()

/** `views/relations` answers. */
export interface BundleSource {
  /** The bundles of those of the events to which something relates that the viewer may see. */
  of(events: readonly StoredEvent[], viewer: { readonly userId: UserId; readonly user: UserNumber }): Promise<Bundles>
}

/** The events whose texts the bundles hold. */
export const eventsIn = (bundles: Bundles): readonly StoredEvent[] =>
  [...bundles.values()].flatMap(({ edit, thread }) =>
    [edit, thread?.latest, thread?.latestEdit].filter((event) => event !== undefined),
  )

/**
 * The member of `unsigned` for a bundle, followed by a comma. `textOf` gives the text of one of its events with that member in it; undefined for a
 * replacement that the reader may not have.
 */
export const bundleMember = (
  { edit, thread, references }: Bundle,
  textOf: (event: StoredEvent, unsigned: string) => string | undefined,
): string => {
  const parts: string[] = []
  const editText = edit === undefined ? undefined : textOf(edit, '')
  if (editText !== undefined) parts.push(`"m.replace":${editText}`)
  if (thread !== undefined) {
    const { latest, latestEdit, count, participated } = thread
    const latestEditText = latestEdit === undefined ? undefined : textOf(latestEdit, '')
    const text = textOf(latest, latestEditText === undefined ? '' : member([`"m.replace":${latestEditText}`]))
    parts.push(`"m.thread":{"latest_event":${text},"count":${count},"current_user_participated":${participated}}`)
  }
  if (references.length > 0) {
    const chunk = references.map((eventId) => `{"event_id":${JSON.stringify(eventId)}}`)
    parts.push(`"m.reference":{"chunk":[${chunk.join()}]}`)
  }
  return parts.length === 0 ? '' : member(parts)
}

const member = (parts: readonly string[]): string => `"m.relations":{${parts.join()}},`
