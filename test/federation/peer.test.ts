import { describe, expect, it } from 'vitest'
import { ROOM_VERSIONS } from '#spec'
import { refusal } from '../support/federation-peer/listener.ts'
import { FederationPeer } from '../support/federation-peer/peer.ts'
import { serveAlias, serveRoom } from '../support/federation-peer/resident.ts'
import { joinRoom, leaveRoom } from '../support/federation-peer/visitor.ts'

/** The judge is judged first: two peers speak with each other. */
describe('two peers of the tests', () => {
  it.each([...ROOM_VERSIONS.keys()].filter((id) => /^\d+$/.test(id)))(
    'share a room of version %s: join, message, fork, leave',
    async (version) => {
      await using resident = await FederationPeer.start({ name: 'peer.example' })
      await using visitor = await FederationPeer.start({ name: 'other-peer.example' })
      visitor.knows('peer.example', resident.address)
      resident.knows('other-peer.example', visitor.address)
      const room = resident.createRoom({ version })
      serveRoom(resident, room)

      const theirs = await joinRoom(visitor, 'peer.example', room.roomId)
      expect(theirs.stateIds()).toEqual(room.stateIds())
      expect(room.servers()).toEqual(['peer.example', 'other-peer.example'])

      const before = theirs.heads
      const first = theirs.send({ type: 'm.room.topic', stateKey: '', content: { topic: 'one' }, prev: before })
      const second = theirs.send({ type: 'm.room.message', content: { body: 'two' }, prev: before })
      expect(theirs.heads).toEqual([first.eventId, second.eventId])
      const answer = await visitor.sendTransaction('peer.example', [first.pdu, second.pdu])
      expect(answer.body).toEqual({ pdus: { [first.eventId]: {}, [second.eventId]: {} } })
      expect(room.heads).toEqual(theirs.heads)
      expect(room.stateIds()).toEqual(theirs.stateIds())

      const ids = await visitor.get(
        'peer.example',
        `/_matrix/federation/v1/state_ids/${encodeURIComponent(room.roomId)}?event_id=${encodeURIComponent(second.eventId)}`,
      )
      expect(new Set(ids.pdu_ids)).toEqual(new Set(theirs.stateBefore(before).values()))

      await leaveRoom(visitor, 'peer.example', theirs)
      expect(room.servers()).toEqual(['peer.example'])
      expect(resident.received.every(({ signed, path }) => signed || path.endsWith('/key/v2/server'))).toBe(true)
    },
  )

  it('know a wrong signature from a right one', async () => {
    await using one = await FederationPeer.start({ name: 'peer.example' })
    await using other = await FederationPeer.start({ name: 'other-peer.example' })
    one.knows('other-peer.example', other.address)
    other.knows('peer.example', one.address)
    const uri = '/_matrix/federation/v1/query/profile?user_id=%40a%3Ab'
    await other.request('peer.example', { uri })
    await other.request('peer.example', { uri, authorization: null })
    await other.request('peer.example', { uri, key: { ...one.key, keyId: other.key.keyId } })
    expect(one.received.filter(({ path }) => path.includes('profile')).map(({ signed }) => signed)).toEqual([
      true,
      false,
      false,
    ])
  })

  it('answer by the handlers that a test plugs in, are away, and come back at the same address', async () => {
    await using one = await FederationPeer.start({ name: 'peer.example' })
    await using other = await FederationPeer.start({ name: 'other-peer.example' })
    other.knows('peer.example', one.address)
    serveAlias(one, one.createRoom(), '#here:peer.example')
    const uri = '/_matrix/federation/v1/query/directory?room_alias=%23here%3Apeer.example'
    expect((await other.request('peer.example', { uri })).status).toBe(200)
    one.on('GET', '/_matrix/federation/v1/query/directory', () => refusal(403, 'M_FORBIDDEN'))
    expect((await other.request('peer.example', { uri })).status).toBe(403)
    one.on('GET', '/_matrix/federation/v1/query/directory', (_, response) => {
      response.destroy()
      return undefined
    })
    await expect(other.request('peer.example', { uri })).rejects.toThrow()
    await one.close()
    await expect(other.request('peer.example', { uri })).rejects.toThrow()
    await one.listen()
    expect((await other.request('peer.example', { uri: '/_matrix/federation/v1/version' })).status).toBe(200)
  })
})
