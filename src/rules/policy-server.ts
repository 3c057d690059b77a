import {
  type JsonObject,
  objectAt,
  type Pdu,
  parseServerName,
  type RoomVersion,
  type ServerName,
  stringAt,
} from '#spec'
import { essentialJson } from './hashes.ts'
import { parseVerifyKey, type VerifyKey } from './signatures.ts'

/** The server that a room asks about each event (server-server API, "Policy Servers"). */
export interface PolicyServer {
  readonly via: ServerName
  readonly key: VerifyKey
}

/** The key id of its signatures; the key stands in the room's state and is published nowhere else. */
export const POLICY_KEY_ID = 'ed25519:policy_server'

/** The policy server that the content of an `m.room.policy` names; undefined: it is not valid, and the room has none. */
export const policyServerOf = (content: JsonObject): PolicyServer | undefined => {
  const via = parseServerName(stringAt(content, 'via') ?? '')
  const key = parseVerifyKey(stringAt(objectAt(content, 'public_keys') ?? {}, 'ed25519') ?? '')
  return via === undefined || key === undefined ? undefined : { via, key }
}

/** Whether the event is one about which the policy server is not asked: the one that names it, or takes it away. */
export const isPolicyItself = ({ type, stateKey }: { readonly type: string; readonly stateKey: string | undefined }) =>
  type === 'm.room.policy' && stateKey === ''

/** Whether the event has a valid signature of the policy server, among its own or in an answer of that server. */
export const isRecommended = (
  version: RoomVersion,
  pdu: Pdu,
  { via, key }: PolicyServer,
  signatures: JsonObject = pdu.signatures,
): boolean => {
  const signature = policySignature(signatures, via)
  const text = signature === undefined ? undefined : essentialJson(version, pdu)
  return signature !== undefined && text?.ok === true && key.verify(text.value, signature)
}

const policySignature = (signatures: JsonObject, via: ServerName): string | undefined =>
  stringAt(objectAt(signatures, via) ?? {}, POLICY_KEY_ID)

/** The event with the policy server's signature beside those that it has. */
export const withPolicySignature = (pdu: Pdu, via: ServerName, signatures: JsonObject): Pdu => {
  const signature = policySignature(signatures, via)
  const ofServer = { ...objectAt(pdu.signatures as JsonObject, via), ...(signature && { [POLICY_KEY_ID]: signature }) }
  return { ...pdu, signatures: { ...pdu.signatures, [via]: ofServer } } as Pdu
}
