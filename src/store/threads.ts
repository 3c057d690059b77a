import { type EventId, isJsonObject, type JsonObject, relationIn } from '#spec'
import type { EventsReader, StoredEvent } from './ports/rooms/events.ts'

/** The thread of events outside of all threads (module "Receipts", "Threaded read receipts"). */
export const MAIN_TIMELINE = 'main'

/** "A maximum of 3 hops is recommended to cover indirect relationships." */
const MAX_HOPS = 3

export interface EventThread {
  /** Id of the thread's root, or `MAIN_TIMELINE`. */
  readonly thread: string
  /** The events that lead there, nearest first, the root of the thread included; empty for an event without relation. */
  readonly via: readonly EventId[]
}

const NO_THREAD: EventThread = { thread: MAIN_TIMELINE, via: [] }

/**
 * The thread that an event is in: that of its own relation, or of the events that it relates to. Counts and receipts both ask here, so that what
 * counts in a thread can be read there. No promise for an event that says it itself.
 */
export const threadOf = (
  { room, content }: { readonly room: StoredEvent['room']; readonly content: JsonObject },
  reader: Pick<EventsReader, 'event'>,
): EventThread | Promise<EventThread> => {
  const relation = relationOf(content)
  if (relation === undefined) return NO_THREAD
  return relation.isThread ? { thread: relation.target, via: [relation.target] } : follow(room, relation.target, reader)
}

/** Whether a receipt in the thread may name the event: it is in the thread, is its root, or relates to the root in any way. */
export const isRelatedTo = (thread: string, eventId: EventId, { thread: own, via }: EventThread): boolean =>
  own === thread || eventId === thread || via.some((id) => id === thread)

const follow = async (
  room: StoredEvent['room'],
  target: EventId,
  reader: Pick<EventsReader, 'event'>,
): Promise<EventThread> => {
  const via: EventId[] = [target]
  for (let hop = 1, next = target; hop <= MAX_HOPS; hop++) {
    const here = await reader.event(next)
    const relation = here?.room === room ? relationOf(contentOf(here.json)) : undefined
    if (relation === undefined) break
    if (relation.isThread || hop < MAX_HOPS) via.push(relation.target)
    if (relation.isThread) return { thread: relation.target, via }
    next = relation.target
  }
  return { thread: MAIN_TIMELINE, via }
}

const relationOf = (content: JsonObject): { readonly target: EventId; readonly isThread: boolean } | undefined => {
  const relation = relationIn(content)
  return relation === undefined ? undefined : { target: relation.target, isThread: relation.relType === 'm.thread' }
}

const contentOf = (json: string): JsonObject => {
  const pdu: unknown = JSON.parse(json)
  return isJsonObject(pdu) && isJsonObject(pdu.content) ? pdu.content : {}
}
