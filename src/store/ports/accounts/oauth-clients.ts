import type { JsonObject } from '#spec'
import type { Change } from '../engine/change.ts'

/** A client that registered itself (RFC 7591). */
export interface OAuthClientRecord {
  readonly clientId: string
  /** The metadata that it registered, as they were checked. */
  readonly metadata: JsonObject
  /** Unix time. */
  readonly createdAtMs: number
}

export interface NewOAuthClient extends OAuthClientRecord {
  /** Hash of the metadata: a client that registers the same again is the same. */
  readonly metadataHash: string
}

/** The clients that may go. Unix times. */
export interface UnusedOAuthClients {
  /** Clients with which nobody ever signed in: registered before. */
  readonly registeredBeforeMs: number
  /** The others: used before. */
  readonly usedBeforeMs: number
  readonly nowMs: number
  readonly limit: number
}

export interface OAuthClientsWriter {
  /** Returns the client that has this metadata already, or the new one. */
  register(client: NewOAuthClient): Change<Pick<OAuthClientRecord, 'clientId' | 'createdAtMs'>>
  /** Looks at clients that may go, at most `limit`: those with a session count as used now, the others go. Returns how many it looked at. */
  dropUnused(unused: UnusedOAuthClients): Change<number>
}

export interface OAuthClientsReader {
  oauthClient(clientId: string): Promise<OAuthClientRecord | undefined>
  /** Returns those of the ids that are known, in any order. */
  oauthClients(clientIds: readonly string[]): Promise<readonly OAuthClientRecord[]>
}
