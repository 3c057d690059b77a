import { type Clock, yieldToEventLoop } from '#base'
import { type JsonObject, type Pdu, parseRoomId, parseServerName, type RoomId, type ServerName } from '#spec'
import type { RoomNumber, RoomStateReader, StateEntryName, StoredEvent } from '#store'

const CHILD = 'm.space.child'
/** Right behind that type. */
const AFTER_CHILD = `${CHILD}\u0001`
/** Children of one space that count. */
const MAX_CHILDREN = 500
/** Entries of one space that are looked at: those that name no child any more stay in its state. */
const MAX_ENTRIES = 2_000
/** Each may have 64 KiB, and is parsed. */
const ENTRIES_AT_ONCE = 16
/** UTF-16 units of a child's content as JSON; of longer ones the part that the specification names is shown, cut. */
const MAX_CONTENT = 2_000
const MAX_VIA = 10
const MAX_SERVER_NAME = 230
const ORDER = /^[\x20-\x7e]{1,50}$/

export interface SpaceChild {
  readonly roomId: RoomId
  readonly order: string | undefined
  readonly originServerTs: number
  /** Servers that may know of it. */
  readonly via: readonly ServerName[]
  /** Its event, stripped, as JSON. */
  readonly text: string
}

type ChildPlace = Pick<SpaceChild, 'roomId' | 'order' | 'originServerTs'>

/** The children of a space in their order (section "Ordering of children within a space"). An entry without `via` names none. */
export const spaceChildren = async (
  room: RoomNumber,
  suggestedOnly: boolean,
  { reader, clock }: { readonly reader: Pick<RoomStateReader, 'stateInForce'>; readonly clock: Clock },
): Promise<readonly SpaceChild[]> => {
  const children: SpaceChild[] = []
  let after: StateEntryName = { type: CHILD, stateKey: '' }
  for (let looked = 0; looked < MAX_ENTRIES && children.length < MAX_CHILDREN; looked += ENTRIES_AT_ONCE) {
    if (looked > 0) await yieldToEventLoop(clock)
    const page = await reader.stateInForce(room, { after, beforeType: AFTER_CHILD, limit: ENTRIES_AT_ONCE })
    for (const { event } of page) children.push(...childIn(event, suggestedOnly))
    const last = page.at(-1)
    if (last === undefined || page.length < ENTRIES_AT_ONCE) break
    after = last.change
  }
  return children.slice(0, MAX_CHILDREN).sort(inOrder)
}

const childIn = (event: StoredEvent, suggestedOnly: boolean): readonly SpaceChild[] => {
  const { stateKey = '', sender, originServerTs } = event
  const roomId = parseRoomId(stateKey)
  const { content } = JSON.parse(event.json) as Pdu
  const via = serversIn(content)
  if (roomId === undefined || via.length === 0 || (suggestedOnly && content.suggested !== true)) return []
  const order = typeof content.order === 'string' && ORDER.test(content.order) ? content.order : undefined
  const shown = JSON.stringify(content).length > MAX_CONTENT ? shortened(content, via, order) : content
  const stripped = { type: CHILD, state_key: roomId, sender, content: shown, origin_server_ts: originServerTs }
  return [{ roomId, order, originServerTs, via: namesIn(via), text: JSON.stringify(stripped) }]
}

const serversIn = ({ via }: JsonObject): readonly string[] =>
  Array.isArray(via) ? via.filter((server): server is string => typeof server === 'string') : []

const namesIn = (via: readonly string[]): readonly ServerName[] =>
  via.slice(0, MAX_VIA).flatMap((server) => parseServerName(server) ?? [])

const shortened = (content: JsonObject, via: readonly string[], order: string | undefined): JsonObject => ({
  via: via.filter((server) => server.length <= MAX_SERVER_NAME).slice(0, MAX_VIA),
  ...(order === undefined ? {} : { order }),
  ...(content.suggested === true ? { suggested: true } : {}),
})

/** Children with an order first, then by age, then by room id. */
export const inOrder = (one: ChildPlace, other: ChildPlace): number => {
  if (one.order !== other.order) {
    if (one.order === undefined || other.order === undefined) return one.order === undefined ? 1 : -1
    return one.order < other.order ? -1 : 1
  }
  if (one.originServerTs !== other.originServerTs) return one.originServerTs - other.originServerTs
  return one.roomId < other.roomId ? -1 : 1
}
