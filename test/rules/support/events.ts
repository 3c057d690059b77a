import type { EventDraft, SigningKey } from '#rules'
import { signingKeyFromSeed } from '#rules'
import type { EventId, JsonObject, Pdu, RoomEvent, RoomId, RoomVersion, ServerName, UserId } from '#spec'
import { ROOM_VERSIONS } from '#spec'

/** The seed of the specification's vectors (appendices, "Cryptographic Test Vectors"). */
export const SEED = 'YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1'

export const value = <Value>(result: { ok: true; value: Value } | { ok: false; failure: unknown }): Value => {
  if (!result.ok) throw new Error(`unexpected failure: ${JSON.stringify(result.failure)}`)
  return result.value
}

export const SIGNING_KEY: SigningKey = value(signingKeyFromSeed('ed25519:1', 'domain' as ServerName, SEED))

export const version = (id: string): RoomVersion => {
  const found = ROOM_VERSIONS.get(id)
  if (found === undefined) throw new Error(`no room version ${id}`)
  return found
}

export const ALL_VERSIONS: readonly RoomVersion[] = [...ROOM_VERSIONS.values()]

export const hashId = (letter: string): EventId => `$${letter.repeat(43)}` as EventId

/** A draft that is well formed in the given version. */
export const draftFor = (roomVersion: RoomVersion, changes: Partial<EventDraft> = {}): EventDraft => {
  const given = roomVersion.eventId === 'given'
  const prev = given ? ('$prev:domain' as EventId) : hashId('p')
  const auth = given ? ('$auth:domain' as EventId) : hashId('a')
  return {
    roomId: (roomVersion.roomIdIsCreateHash ? `!${'r'.repeat(43)}` : '!r:domain') as RoomId,
    type: 'm.room.message',
    sender: '@alice:domain' as UserId,
    content: { msgtype: 'm.text', body: 'Grüße 👋' },
    originServerTs: 1_700_000_000_000,
    depth: 7,
    prevEvents: [prev],
    authEvents: [auth],
    ...(given
      ? {
          eventId: '$mine:domain' as EventId,
          referenceHashes: new Map([
            [prev, 'A'.repeat(43)],
            [auth, 'B'.repeat(43)],
          ]),
        }
      : {}),
    ...changes,
  }
}

/** A well-formed PDU as plain JSON, to be spoilt by a test. Its hash and signature are not genuine. */
export const pduFor = (roomVersion: RoomVersion, changes: JsonObject = {}): Pdu => {
  const pairs = (id: string): (string | [string, JsonObject])[] =>
    roomVersion.referencePairs ? [[`$${id}:domain`, { sha256: 'A'.repeat(43) }]] : [hashId(id.charAt(0))]
  return {
    auth_events: pairs('auth'),
    content: { msgtype: 'm.text', body: 'hello' },
    depth: 3,
    ...(roomVersion.eventId === 'given' ? { event_id: '$e:domain' } : {}),
    hashes: { sha256: 'A'.repeat(43) },
    origin_server_ts: 1_000_000,
    prev_events: pairs('prev'),
    room_id: roomVersion.roomIdIsCreateHash ? `!${'r'.repeat(43)}` : '!r:domain',
    sender: '@alice:domain',
    signatures: { domain: { 'ed25519:1': 'A'.repeat(86) } },
    type: 'm.room.message',
    ...changes,
  } as Pdu
}

export const roomEvent = (changes: Partial<RoomEvent> = {}): RoomEvent => ({
  eventId: hashId('e'),
  roomId: '!r:domain' as RoomId,
  type: 'm.room.message',
  stateKey: undefined,
  sender: '@bob:domain' as UserId,
  content: { msgtype: 'm.text', body: 'hello' },
  originServerTs: 1_000_000,
  depth: 3,
  prevEvents: [],
  authEvents: [],
  redacts: undefined,
  rejected: false,
  ...changes,
})
