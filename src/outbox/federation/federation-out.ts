import type { CacheStats } from '#base'
import { contentJson } from '#rules'
import type { JsonObject, ServerName } from '#spec'
import type { LeasedWork } from '#store'
import type { Destination } from './destination.ts'
import { Sending, type SendingParts } from './sending.ts'

export interface OutgoingEdu extends JsonObject {
  readonly edu_type: string
  readonly content: JsonObject
}

/** How a destination does. */
export type DestinationStatus = Destination['status']

/**
 * Sends to other homeservers what happens here (server-server API, "Transactions"): events of rooms in which they are, and EDUs. One process at a
 * time does so, by a lease; EDUs may be queued by any.
 */
export class FederationOut implements LeasedWork {
  readonly #parts: SendingParts
  #sending: Sending | undefined

  constructor(parts: SendingParts) {
    this.#parts = parts
  }

  start(): void {
    this.#sending = new Sending(this.#parts)
    this.#sending.start()
  }

  async stop(): Promise<void> {
    const ending = this.#sending
    this.#sending = undefined
    await ending?.stop()
  }

  /**
   * Sends an EDU to servers, each until it takes it, over restarts. `key`: replaces an EDU with the same key that still waits for a server. To queue one in the
   * same commit as something else, use the writer `federationOut.queueEdu`.
   */
  async queueEdu(
    destinations: readonly ServerName[],
    edu: OutgoingEdu,
    { key }: { readonly key?: string } = {},
  ): Promise<void> {
    const { own, store } = this.#parts
    const servers = [...new Set(destinations)].filter((server) => server !== own)
    if (servers.length === 0) return
    const json = contentJson(edu)
    if (!json.ok) throw new Error(`an EDU cannot be sent: ${json.failure.reason}`)
    await store.commit([store.writer.queueEdu({ servers, json: json.value, ...(key === undefined ? {} : { key }) })])
  }

  /** To be called when a server has signed a request to this one: it is there again. */
  heard(server: ServerName): void {
    this.#sending?.destinations.known(server)?.heard()
  }

  /** Tries a server at once. Returns whether anything waits for it. */
  retry(server: ServerName): boolean {
    const destination = this.#sending?.destinations.known(server)
    destination?.reset()
    return destination !== undefined
  }

  /** The servers that are or were lately sent anything by this process. */
  statuses(): readonly DestinationStatus[] {
    return [...(this.#sending?.destinations.list() ?? [])].map(({ status }) => status)
  }

  caches(): readonly CacheStats[] {
    return this.#sending === undefined ? [] : [this.#sending.roomServers.stats()]
  }
}
