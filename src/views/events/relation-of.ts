import { type EventId, type Pdu, type Relation, relationIn } from '#spec'
import type { StoredEvent } from '#store'

const KEY = '"m.relates_to":'

/** The relation that a stored event has itself. Its content is parsed only where it may have one. */
export const relationOf = ({ json }: StoredEvent): Relation | undefined =>
  json.includes(KEY) ? relationIn((JSON.parse(json) as Pdu).content) : undefined

/** Many waiting readers ask about one event, which does not change. Only those that may relate are remembered: most do not. */
const targets = new WeakMap<StoredEvent, EventId | null>()

/** The event to which it relates. */
export const targetOf = (event: StoredEvent): EventId | undefined => {
  if (!event.json.includes(KEY)) return undefined
  let target = targets.get(event)
  if (target === undefined) {
    target = relationOf(event)?.target ?? null
    targets.set(event, target)
  }
  return target ?? undefined
}
