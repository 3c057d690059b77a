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
  /** Of the metadata: a client that registers the same again is the same. */
  readonly metadataHash: string
}

export interface OAuthClientsWriter {
  /** Returns the client that has this metadata already, or the new one. */
  register(client: NewOAuthClient): Change<Pick<OAuthClientRecord, 'clientId' | 'createdAtMs'>>
  /**
   * Looks at the clients that were not used since then, at most `limit`: those with a session count as used now, the others go. Returns how many it
   * looked at.
   */
  dropUnused(usedBeforeMs: number, nowMs: number, limit: number): Change<number>
}

export interface OAuthClientsReader {
  oauthClient(clientId: string): Promise<OAuthClientRecord | undefined>
}
