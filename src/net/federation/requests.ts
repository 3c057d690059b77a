import type { JsonObject, JsonValue, ServerName } from '#spec'

/** A request to another homeserver, which is signed where it is sent. */
export interface FederationRequest {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Begins with `/_matrix/`; its members are percent-encoded already. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | readonly string[] | undefined>>
  /** Instead of `body` where many requests share one text: JSON, sent and signed as it is. */
  readonly bodyJson?: string
  readonly body?: JsonObject
  /** Limit of the whole request; 60 s where nothing is said. */
  readonly timeoutMs?: number
  /** Limit of the answer, after decompression; 16 MiB where nothing is said. */
  readonly maxBytes?: number
  /** Ends the request early. */
  readonly signal?: AbortSignal
}

/** An answer with status 2xx, to be read to its end or destroyed. */
export interface FederationStream {
  readonly contentType: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly bytes: AsyncIterable<Uint8Array>
  /** Ends the connection. */
  destroy(): void
}

/** Requests to other homeservers (server-server API): finds where a server is, signs, sends, and reads within limits. */
export interface FederationRequests {
  /** The JSON of the answer. Throws `FederationFailure`. */
  json(destination: ServerName, request: FederationRequest): Promise<JsonValue>
  /** For answers that are too large to hold. Throws `FederationFailure`. */
  stream(destination: ServerName, request: FederationRequest): Promise<FederationStream>
}

/**
 * - `not-allowed`: this server does not talk with that one, by its settings.
 * - `unreachable`: no connection, no such name, TLS, or the time was over.
 * - `bad-answer`: an answer that is none: no JSON, too long, a status of no meaning.
 * - `refused`: an error of the specification; it has `status`, and `errcode` if one was said.
 */
export type FederationFailureKind = 'not-allowed' | 'unreachable' | 'bad-answer' | 'refused'

export interface FederationFailureParts {
  readonly destination: ServerName
  readonly kind: FederationFailureKind
  readonly reason: string
  readonly cause?: unknown
  readonly status?: number | undefined
  readonly errcode?: string | undefined
  /** The JSON object that came with a refusal. */
  readonly body?: JsonObject | undefined
  /** Time that the server asked us to wait. */
  readonly retryAfterMs?: number | undefined
}

export class FederationFailure extends Error {
  override readonly name = 'FederationFailure'
  readonly parts: FederationFailureParts

  constructor(parts: FederationFailureParts) {
    super(`${parts.destination}: ${parts.reason}`, { cause: parts.cause })
    this.parts = parts
  }

  /** Whether any other request to the server would have failed in the same way. */
  get isOfServer(): boolean {
    return this.parts.kind === 'unreachable' || this.parts.kind === 'not-allowed'
  }
}
