import { isJsonObject, type JsonObject, parseUserId, type UserId } from '#spec'

/** MSC4293, under the names of today and of then. */
export const REDACT_EVENTS = ['org.matrix.msc4293.redact_events', 'redact_events'] as const

/** Found in the JSON of few events: so that not every member event is parsed. */
const MARK = 'redact_events":true'

interface RemovalEvent {
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: string
}

/** The user whom an event kicks or bans and whose events it takes back, if its sender has the power for it; undefined for other events. */
export const takenBackBy = ({ type, stateKey, sender }: RemovalEvent, content: JsonObject): UserId | undefined => {
  if (type !== 'm.room.member' || stateKey === undefined || stateKey === sender) return undefined
  if (content.membership !== 'ban' && content.membership !== 'leave') return undefined
  return REDACT_EVENTS.some((name) => content[name] === true) ? parseUserId(stateKey) : undefined
}

/** The same for an event as it is stored. */
export const takenBackByStored = (event: RemovalEvent & { readonly json: string }): UserId | undefined => {
  if (event.type !== 'm.room.member' || !event.json.includes(MARK)) return undefined
  const { content } = JSON.parse(event.json) as { readonly content?: unknown }
  return isJsonObject(content as JsonObject) ? takenBackBy(event, content as JsonObject) : undefined
}
