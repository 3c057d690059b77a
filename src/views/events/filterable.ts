import type { Filterable } from '#rules'
import { isJsonObject, type Pdu } from '#spec'
import type { StoredEvent } from '#store'

/**
 * An event as filters look at it. Its content is parsed if a filter asks for it, which few do, and is not kept: a search through a room's
 * history must not displace the texts of events that are shown.
 */
export const filterable = (event: StoredEvent): Filterable => ({
  type: event.type,
  sender: event.sender,
  get content() {
    const { content } = JSON.parse(event.json) as Pdu
    return isJsonObject(content) ? content : {}
  },
})

/** UTF-16 units of stored JSON that came with an event: its own, that of the state which it replaced, that of its redaction. */
export const readSizeOf = ({ json, replaces, redactedBy }: StoredEvent): number =>
  json.length + (replaces?.json.length ?? 0) + (redactedBy?.json.length ?? 0)
