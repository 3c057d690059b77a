import { describe, expect, it } from 'vitest'
import { parsePdu, parseVerifyKey, signaturesOf } from '#rules'
import { ROOM_VERSIONS } from '#spec'
import type { Json } from '../../../support/client.ts'
import type { FederationPeer } from '../../../support/federation-peer/peer.ts'
import { joinRoom } from '../../../support/federation-peer/visitor.ts'
import { DATABASES, enc, HOME, startAsking } from './asking.ts'

const isOurs = ({ sender }: Json): boolean => sender.endsWith(`:${HOME}`)

/** Whether the PDU has a signature of that server by a key that it publishes. */
const checkerFor = async (peer: FederationPeer, roomVersion: string): Promise<(pdu: Json) => boolean> => {
  const { body } = await peer.request(HOME, { uri: '/_matrix/key/v2/server', authorization: null })
  const version = ROOM_VERSIONS.get(roomVersion)
  if (version === undefined) throw new Error(`no room version ${roomVersion}`)
  return (pdu) => {
    const read = parsePdu(version, pdu)
    if (!read.ok) return false
    const entries = signaturesOf(read.value.pdu, HOME)
    return entries.some(({ keyId, signature }) =>
      parseVerifyKey(body.verify_keys[keyId]?.key ?? '')?.verify(read.value.essentialJson, signature),
    )
  }
}

describe.each(DATABASES)('a message that leaves, on %s', (database) => {
  it.each(['1', '10', '12'])('has a signature of its server, in room version %s', async (roomVersion) => {
    await using asking = await startAsking({ database })
    const { home, peer, ask } = asking
    const alice = await home.register('alice')
    const made = await alice.post('/v3/createRoom', { preset: 'public_chat', room_version: roomVersion })
    const roomId: string = made.room_id
    const say = async (id: string, content: object): Promise<string> =>
      (await alice.put(`/v3/rooms/${roomId}/send/m.room.message/${id}`, content)).event_id
    const early = await say('1', { body: 'early', signatures: {}, type: 'm.room.message' })
    const gone = await say('2', { body: 'gone' })
    await alice.put(`/v3/rooms/${roomId}/redact/${enc(gone)}/r`, {})
    await joinRoom(peer, HOME, roomId)
    const late = await say('3', { body: 'late' })
    const isSigned = await checkerFor(peer, roomVersion)

    await peer.pduWhich(({ content }) => content?.body === 'late')
    expect(peer.receivedPdus().every(isSigned)).toBe(true)
    for (const eventId of [early, gone, late]) {
      const { body } = await ask(`/event/${enc(eventId)}`)
      expect(body.pdus.map(isSigned)).toEqual([true])
    }
    const back = await ask(`/backfill/${enc(roomId)}?v=${enc(late)}&limit=100`)
    expect(back.body.pdus.length).toBeGreaterThan(8)
    expect(back.body.pdus.filter(isOurs).every(isSigned)).toBe(true)
    const { body: missing } = await peer.request(HOME, {
      method: 'POST',
      uri: `/_matrix/federation/v1/get_missing_events/${enc(roomId)}`,
      body: { earliest_events: [], latest_events: [late], limit: 50 },
    })
    expect(missing.events.map(({ content }: Json) => content.body)).toContain('early')
    expect(missing.events.filter(isOurs).every(isSigned)).toBe(true)
  })
})
