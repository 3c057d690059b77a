import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, Query, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { areOldSchemasPresent, oldViolations } from '../../support/old-schemas.ts'

const enc = encodeURIComponent

describe.skipIf(!areOldSchemasPresent)('events under the old prefixes (skipped where their schemas are absent)', () => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let bob: TestClient
  beforeAll(async () => {
    homeserver = await startHomeserver()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
  })
  afterAll(() => homeserver.stop())
  const read = (who: TestClient, path: string, query: Query = {}): Promise<Json> =>
    who.get(`/_matrix/client/api/v1${path}`, query)

  it('fit the schemas of their types, in every answer, in rooms of every version', async () => {
    const judged = new Map<string, number>()
    const judge = (events: readonly Json[]): void => {
      for (const event of events) {
        expect([event, oldViolations(event)]).toEqual([event, []])
        judged.set(event.type, (judged.get(event.type) ?? 0) + 1)
      }
    }
    for (const version of ['1', '6', '9', '10', '11', '12']) {
      const options = { room_version: version, name: 'Room', topic: 'Topic', room_alias_name: `room-${version}` }
      const roomId = await alice.createRoom({ ...options, preset: 'public_chat' })
      const { end } = await read(alice, '/initialSync', { limit: 1 })
      await alice.invite(roomId, bob.userId)
      const invites = (await read(bob, '/initialSync')).rooms.flatMap(({ invite }: Json) => invite ?? [])
      expect(invites.length).toBeGreaterThan(0)
      judge(invites)
      await bob.join(roomId)
      const eventId = await alice.sendText(roomId, 'hello')
      await bob.receipt(roomId, eventId)
      await alice.put(`/v3/presence/${enc(alice.userId)}/status`, { presence: 'online', status_msg: `in ${version}` })
      const gone = await alice.sendText(roomId, 'gone')
      const old = '/_matrix/client/api/v1'
      await alice.put(`${old}/directory/room/${enc(`#second-${version}:${homeserver.serverName}`)}`, {
        room_id: roomId,
      })
      const feedback = { type: 'read', target_event_id: eventId }
      await bob.post(`${old}/rooms/${enc(roomId)}/send/m.room.message.feedback`, feedback)
      await alice.redact(roomId, gone, 'Spam')
      const room = `/rooms/${enc(roomId)}`
      judge((await read(alice, '/events', { from: end, timeout: 1000 })).chunk)
      judge((await read(alice, `${room}/messages`, { from: 'END', to: 'START', limit: 100 })).chunk)
      judge(await read(alice, `${room}/state`))
      judge((await read(alice, `${room}/members`)).chunk)
      judge([await read(bob, `/events/${enc(gone)}`)])
      const initial = await read(bob, `${room}/initialSync`)
      judge([...initial.messages.chunk, ...initial.state, ...initial.presence, ...initial.receipts])
      const everything = await read(bob, '/initialSync')
      judge([...everything.presence, ...everything.receipts])
      for (const { messages, state } of everything.rooms) judge([...messages.chunk, ...state])
    }
    const types =
      'create member message redaction topic name power_levels join_rules history_visibility canonical_alias aliases'
    for (const type of [...types.split(' '), 'message.feedback'])
      expect([type, judged.get(`m.room.${type}`) ?? 0]).not.toEqual([type, 0])
    for (const type of ['m.receipt', 'm.presence']) expect([type, judged.get(type) ?? 0]).not.toEqual([type, 0])
  }, 30_000)
})
