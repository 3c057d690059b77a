import type { Clock, Random } from '#base'
import { isJsonObject, type JsonObject, type JsonValue, type ServerName, stringAt } from '#spec'
import type { OutgoingEvent } from '#store'

/** Limits of a transaction (server-server API, "Transactions"). */
export const MAX_PDUS = 50
export const MAX_EDUS = 100

/** A transaction as it is sent, and sent again: the same id has the same body. */
export interface Transaction {
  readonly txnId: string
  /** Canonical JSON. */
  readonly body: string
  readonly events: readonly OutgoingEvent[]
  /** Numbers of the EDUs that wait in the database. */
  readonly edus: readonly number[]
  /** How many EDUs it has, those in memory among them. */
  readonly eduCount: number
}

/** Makes transactions. Their ids are never used twice, also not by another process or after a restart. */
export class Transactions {
  readonly #origin: ServerName
  readonly #clock: Clock
  readonly #prefix: string
  #made = 0
  /** The newest list of PDUs with its text: a message to a thousand servers has one body. */
  #newest: { readonly events: readonly OutgoingEvent[]; readonly body: string } | undefined

  constructor({
    origin,
    clock,
    random,
  }: { readonly origin: ServerName; readonly clock: Clock; readonly random: Random }) {
    this.#origin = origin
    this.#clock = clock
    this.#prefix = `${clock.nowMs().toString(36)}${random.token(6)}`
  }

  /** `volatile`: canonical JSON of EDUs that are nowhere else. */
  make(
    events: readonly OutgoingEvent[],
    waiting: readonly { readonly edu: number; readonly json: string }[],
    volatile: readonly string[],
  ): Transaction {
    const edus = [...waiting.map(({ json }) => json), ...volatile]
    return {
      txnId: `${this.#prefix}${this.#made++}`,
      body: this.#body(events, edus),
      events,
      edus: waiting.map(({ edu }) => edu),
      eduCount: edus.length,
    }
  }

  #body(events: readonly OutgoingEvent[], edus: readonly string[]): string {
    const shared = this.#newest
    if (edus.length === 0 && shared !== undefined && sameEvents(shared.events, events)) return shared.body
    const pdus = events.map(({ json }) => json).join(',')
    const leading = edus.length === 0 ? '' : `"edus":[${edus.join(',')}],`
    const body = `{${leading}"origin":${JSON.stringify(this.#origin)},"origin_server_ts":${this.#clock.nowMs()},"pdus":[${pdus}]}`
    if (edus.length === 0) this.#newest = { events, body }
    return body
  }
}

const sameEvents = (one: readonly OutgoingEvent[], other: readonly OutgoingEvent[]): boolean =>
  one.length === other.length && one.every((event, index) => event === other[index])

/** The events that the answer to a transaction says were refused, with the reasons. */
export const refusedIn = (answer: JsonValue): readonly (readonly [string, string])[] => {
  const pdus = isJsonObject(answer) && Object.hasOwn(answer, 'pdus') ? answer.pdus : undefined
  if (!isJsonObject(pdus ?? null)) return []
  return Object.entries(pdus as JsonObject).flatMap(([eventId, result]) => {
    const reason = isJsonObject(result) ? stringAt(result, 'error') : undefined
    return reason === undefined ? [] : [[eventId, reason.slice(0, 200)] as const]
  })
}
