import { Chore, type Clock, type Logger, type Random } from '#base'
import type { JsonObject } from '#spec'
import type { Commit, OAuthClientsReader, OAuthClientsWriter } from '#store'
import { type ClientMetadata, hashOfMetadata, parseClientMetadata } from './client-metadata.ts'

export interface OAuthClient {
  readonly clientId: string
  readonly metadata: ClientMetadata
}

export interface OAuthClientsParts {
  readonly reader: OAuthClientsReader
  readonly writer: OAuthClientsWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly random: Random
  /** Whether the server is on this machine alone, for trying. */
  readonly triedOut: boolean
}

const nameOf = ({ client_name: name, client_uri: site }: ClientMetadata): string => {
  const { host } = new URL(site)
  return name === undefined ? host : `${name} (${host})`
}

const ID = /^[A-Za-z0-9]{22}$/
const ID_LENGTH = 22

/** The clients that registered themselves. Client-server API, "Client registration". */
export class OAuthClients {
  readonly #parts: OAuthClientsParts

  constructor(parts: OAuthClientsParts) {
    this.#parts = parts
  }

  /** Registers a client, or finds the one that has the same metadata. Throws `OAuthRefusal`. */
  async register(body: JsonObject): Promise<OAuthClient & { readonly issuedAtMs: number }> {
    const { writer, commit, clock, random, triedOut } = this.#parts
    const metadata = parseClientMetadata(body, { triedOut })
    const [{ clientId, createdAtMs }] = await commit([
      writer.register({
        clientId: random.token(ID_LENGTH),
        metadata: { ...metadata },
        metadataHash: hashOfMetadata(metadata),
        createdAtMs: clock.nowMs(),
      }),
    ] as const)
    return { clientId, metadata, issuedAtMs: createdAtMs }
  }

  async client(clientId: string): Promise<OAuthClient | undefined> {
    if (!ID.test(clientId)) return undefined
    const record = await this.#parts.reader.oauthClient(clientId)
    return record === undefined ? undefined : { clientId, metadata: record.metadata as unknown as ClientMetadata }
  }

  /** The names of the clients of sessions, as people read them, by id: what an app calls itself, and where it says that it comes from. */
  async namesOf(
    sessions: readonly { readonly oauthClient: string | undefined }[],
  ): Promise<ReadonlyMap<string, string>> {
    const ids = new Set(sessions.flatMap(({ oauthClient }) => oauthClient ?? []))
    const records = await this.#parts.reader.oauthClients([...ids])
    return new Map(records.map(({ clientId, metadata }) => [clientId, nameOf(metadata as unknown as ClientMetadata)]))
  }
}

export interface UnusedClientsParts extends Pick<OAuthClientsParts, 'writer' | 'commit' | 'clock'> {
  readonly logger: Logger
  /** How long a client is kept with which people signed in, and nobody is any more. */
  readonly lifetimeMs: number
}

const EVERY_MS = 6 * 3_600_000
const CLIENTS_AT_ONCE = 200
/** Clients that registered, and with which nobody signed in since: anybody can register many. */
const NEVER_USED_MS = 24 * 3_600_000

/** Removes the clients that nobody uses, in pieces. */
export const unusedClientsSweep = ({ writer, commit, clock, logger, lifetimeMs }: UnusedClientsParts): Chore =>
  new Chore({
    clock,
    logger,
    everyMs: EVERY_MS,
    failure: 'OAuth clients that nobody uses could not be removed; tried again in six hours',
    round: (chore) =>
      chore.inPieces(async () => {
        const nowMs = clock.nowMs()
        const [seen] = await commit([
          writer.dropUnused({
            registeredBeforeMs: nowMs - Math.min(lifetimeMs, NEVER_USED_MS),
            usedBeforeMs: nowMs - lifetimeMs,
            ...{ nowMs, limit: CLIENTS_AT_ONCE },
          }),
        ] as const)
        return seen === CLIENTS_AT_ONCE
      }),
  })
