import { type Clock, Slices } from '#base'
import { contentHashMatches, essentialJson, isPolicyItself, policyServerOf, type SigningKey } from '#rules'
import {
  isJsonObject,
  type JsonObject,
  MatrixError,
  objectAt,
  type Pdu,
  type RoomEvent,
  type RoomVersion,
  serverOf,
} from '#spec'
import type { AccountsReader, RoomNumber, RoomStateReader } from '#store'
import type { BanLists } from './ban-lists.ts'
import type { EventRules } from './event-rules.ts'

export interface OwnPolicyServerParts {
  readonly key: SigningKey
  /** The rules in force now. */
  readonly rules: () => EventRules
  readonly bans: Pick<BanLists, 'bansUser'>
  readonly accounts: Pick<AccountsReader, 'account'>
  readonly rooms: Pick<RoomStateReader, 'stateEvent' | 'stateHistory'>
  readonly clock: Clock
}

/** The longest that words are looked for before others are served. */
const SLICE_MS = 5

/** This server as the policy server of rooms: signs the events that keep its rules (server-server API, "Policy Servers"). */
export class OwnPolicyServer {
  readonly #parts: OwnPolicyServerParts
  readonly #slices: Slices

  constructor(parts: OwnPolicyServerParts) {
    this.#parts = parts
    this.#slices = new Slices({ clock: parts.clock, sliceMs: SLICE_MS })
  }

  get key(): SigningKey {
    return this.#parts.key
  }

  /** Whether the room's `m.room.policy` names this server. Throws `M_NOT_FOUND` where it does with another key: no signature would help then. */
  async serves(room: RoomNumber): Promise<boolean> {
    const { rooms, key } = this.#parts
    const stored = await rooms.stateEvent(room, 'current', 'm.room.policy', '')
    const pdu: unknown = stored === undefined ? undefined : JSON.parse(stored.json)
    const content = isJsonObject(pdu) ? objectAt(pdu, 'content') : undefined
    const named = content === undefined ? undefined : policyServerOf(content)
    if (named?.via !== key.serverName) return false
    if (named.key.verify(PROBE, key.sign(PROBE))) return true
    throw new MatrixError('M_NOT_FOUND', 'The m.room.policy of the room has another key than this policy server')
  }

  /** The signature on an event of a room that it serves, in the form of the answer. Throws `M_FORBIDDEN` with status 400 for an event that breaks a rule. */
  async sign(
    { room, version }: { readonly room: RoomNumber; readonly version: RoomVersion },
    event: RoomEvent,
    pdu: Pdu,
  ): Promise<JsonObject> {
    const { key, bans, rules } = this.#parts
    if (isPolicyItself(event)) throw refused('The event that names the policy server is not signed by it')
    // The signature covers the hash and not the content, so another content could be put in its place.
    if (!contentHashMatches(version, pdu)) throw refused('The content is not what the event has the hash of')
    if (bans.bansUser(event.sender) && !isOwnLeave(event))
      throw refused('A ban list that this server obeys forbids this')
    const problem = await rules().problemOf(event, () => this.#ageOf(room, event), this.#slices.begin())
    if (problem !== undefined) throw refused(problem)
    const text = essentialJson(version, pdu)
    if (!text.ok) throw new MatrixError('M_BAD_JSON', 'It is not canonical JSON', { status: 400 })
    return { [key.serverName]: { [key.keyId]: key.sign(text.value) } }
  }

  /** Time since the sender's account was made or, where only their server knows that, since they first came into the room. */
  async #ageOf(room: RoomNumber, { sender }: RoomEvent): Promise<number> {
    const { accounts, rooms, clock, key } = this.#parts
    if (serverOf(sender) === key.serverName) {
      const account = await accounts.account(sender)
      return account === undefined ? 0 : clock.nowMs() - account.createdAtMs
    }
    const steps = await rooms.stateHistory(room, 'm.room.member', sender, 1)
    const first = steps[0]?.event
    return first === undefined ? 0 : clock.nowMs() - (JSON.parse(first.json) as Pdu).origin_server_ts
  }
}

const PROBE = 'policy server'

const refused = (message: string): MatrixError => new MatrixError('M_FORBIDDEN', message, { status: 400 })

const isOwnLeave = ({ type, stateKey, sender, content }: RoomEvent): boolean =>
  type === 'm.room.member' && stateKey === sender && content.membership === 'leave'
