import type { Clock, Logger } from '#base'
import { FederationFailure, type FederationRequests } from '#net'
import {
  type BuiltEvent,
  canonicalJson,
  isPolicyItself,
  isRecommended,
  type PolicyServer,
  policyServerOf,
  withPolicySignature,
} from '#rules'
import {
  type Errcode,
  isJsonObject,
  type JsonObject,
  MatrixError,
  objectAt,
  type Pdu,
  ROOM_VERSIONS,
  type RoomEvent,
  type RoomId,
  type RoomVersion,
  type ServerName,
} from '#spec'
import type { RoomNumber, RoomRecordsReader, RoomServersReader, RoomStateReader } from '#store'

/** This server itself, where it is the policy server that a room names. */
export interface OwnPolicySigner {
  readonly key: { readonly serverName: ServerName }
  /** The signatures that it gives. Throws `MatrixError` for an event that it refuses. */
  sign(
    room: { readonly room: RoomNumber; readonly version: RoomVersion },
    event: RoomEvent,
    pdu: Pdu,
  ): Promise<JsonObject>
}

export interface PolicyServersParts {
  readonly requests: Pick<FederationRequests, 'json'>
  readonly reader: Pick<RoomRecordsReader, 'roomByRoomId'> &
    Pick<RoomStateReader, 'stateEvent'> &
    Pick<RoomServersReader, 'isServerIn'>
  /** undefined: this server is no policy server. */
  readonly own: OwnPolicySigner | undefined
  readonly clock: Clock
  readonly logger: Logger
}

const OWN_TIMEOUT_MS = 15_000
const RECEIVED_TIMEOUT_MS = 10_000
const ANSWER_BYTES = 64 * 1024
/** A policy server that did not answer is not asked about received events for so long: each would hold up its room. */
const SILENT_MS = 30_000
const MAX_SILENT = 1_000

/** Asks the policy servers of rooms to sign events (server-server API, "Policy Servers"). */
export class PolicyServers {
  readonly #parts: PolicyServersParts
  readonly #silentUntilMs = new Map<ServerName, number>()

  constructor(parts: PolicyServersParts) {
    this.#parts = parts
  }

  /**
   * The JSON of an event of ours with the signature of the room's policy server, where `policy`, the content of its `m.room.policy`, makes it have one. Throws what
   * the policy server said, word by word, or `M_FORBIDDEN` where it gave no valid answer.
   */
  async signed(
    { room, version }: { readonly room: RoomNumber; readonly version: RoomVersion },
    policy: JsonObject,
    { event, pdu, json }: Pick<BuiltEvent, 'event' | 'pdu' | 'json'>,
  ): Promise<string> {
    const server = isPolicyItself(event) ? undefined : await this.#serverOf(room, policy)
    if (server === undefined || isRecommended(version, pdu, server)) return json
    const signatures = await this.#ask(server.via, { room, version, event, pdu, json }, OWN_TIMEOUT_MS).catch(
      (error: unknown) => {
        throw told(error)
      },
    )
    const signed = withSignature({ version, pdu }, server, signatures)
    if (signed === undefined) throw notSigned()
    return signed
  }

  /**
   * The JSON of an event from outside as it is stored: with the signature of the room's policy server, if that had to be asked for it. undefined: the event is to be
   * soft-failed, as that server neither signed it nor does so now.
   */
  async receivedWithSignature(roomId: RoomId, event: RoomEvent, json: string): Promise<string | undefined> {
    const { reader, clock } = this.#parts
    if (isPolicyItself(event)) return json
    const record = await reader.roomByRoomId(roomId)
    const version = record === undefined ? undefined : ROOM_VERSIONS.get(record.version)
    if (record === undefined || version === undefined) return json
    const stored = await reader.stateEvent(record.room, 'current', 'm.room.policy', '')
    const policy: unknown = stored === undefined ? undefined : JSON.parse(stored.json)
    const content = isJsonObject(policy) ? objectAt(policy, 'content') : undefined
    const server = content === undefined ? undefined : await this.#serverOf(record.room, content)
    const pdu = JSON.parse(json) as Pdu
    if (server === undefined || isRecommended(version, pdu, server)) return json
    if ((this.#silentUntilMs.get(server.via) ?? 0) > clock.monotonicMs()) return undefined
    return this.#askAboutReceived(server, { room: record.room, version, event, pdu, json })
  }

  async #askAboutReceived(server: PolicyServer, asked: Asked): Promise<string | undefined> {
    try {
      const signatures = await this.#ask(server.via, asked, RECEIVED_TIMEOUT_MS)
      return withSignature(asked, server, signatures)
    } catch (err) {
      if (!(err instanceof FederationFailure || err instanceof MatrixError)) throw err
      if (err instanceof FederationFailure && err.parts.kind === 'unreachable') this.#silence(server.via)
      const { eventId, roomId } = asked.event
      this.#parts.logger.info({ err, event: eventId, room: roomId }, 'a policy server did not sign an event')
      return undefined
    }
  }

  async #serverOf(room: RoomNumber, content: JsonObject): Promise<PolicyServer | undefined> {
    const server = policyServerOf(content)
    if (server === undefined) return undefined
    return (await this.#parts.reader.isServerIn(room, server.via)) ? server : undefined
  }

  /** The signatures in its answer. Throws `FederationFailure`, or what this server says where it is the one that is asked. */
  async #ask(via: ServerName, { room, version, event, pdu, json }: Asked, timeoutMs: number): Promise<JsonObject> {
    const { own } = this.#parts
    if (via === own?.key.serverName) return own.sign({ room, version }, event, pdu)
    const answer = await this.#parts.requests.json(via, {
      method: 'POST',
      path: '/_matrix/policy/v1/sign',
      bodyJson: json,
      timeoutMs,
      maxBytes: ANSWER_BYTES,
    })
    return isJsonObject(answer) ? answer : {}
  }

  #silence(via: ServerName): void {
    if (this.#silentUntilMs.size >= MAX_SILENT) this.#silentUntilMs.clear()
    this.#silentUntilMs.set(via, this.#parts.clock.monotonicMs() + SILENT_MS)
  }
}

interface Asked extends Pick<BuiltEvent, 'event' | 'pdu' | 'json'> {
  readonly room: RoomNumber
  readonly version: RoomVersion
}

/** The event's JSON with the signature of the policy server; undefined where there is no valid one. */
const withSignature = (
  { version, pdu }: Pick<Asked, 'version' | 'pdu'>,
  server: PolicyServer,
  signatures: JsonObject,
): string | undefined => {
  if (!isRecommended(version, pdu, server, signatures)) return undefined
  const signed = canonicalJson(withPolicySignature(pdu, server.via, signatures), {
    strict: version.strictCanonicalJson,
  })
  return signed.ok ? signed.value : undefined
}

const notSigned = (): MatrixError =>
  new MatrixError('M_FORBIDDEN', 'The policy server of the room did not sign the event')

/** The error for the client: what the policy server answered, as it is. */
const told = (error: unknown): unknown => {
  if (!(error instanceof FederationFailure)) return error
  const { status, errcode, body } = error.parts
  if (error.parts.kind !== 'refused' || status === undefined || errcode === undefined)
    return new MatrixError('M_FORBIDDEN', 'The policy server of the room gives no answer, so nothing can be sent', {
      cause: error,
    })
  const { errcode: _, error: text, ...fields } = body ?? {}
  const message = typeof text === 'string' ? text : 'The policy server of the room refused the event'
  return new MatrixError(errcode as Errcode, message, { status, fields, cause: error })
}
