import { expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { type HomeserverSetup, onEveryHomeserver, type StartHomeserver } from '../../support/homeserver.ts'
import { PushGateway, pusherOf, pushersOf, setPusher } from '../../support/other-servers/push-gateway.ts'
import { whileTimePasses } from '../../support/passing-time.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const settings = { push: { allowPrivateAddresses: true } }

/** Alice, who is told of what bob says in the room of the two. */
const pair = async (start: StartHomeserver, setup: Omit<HomeserverSetup, 'database'> = {}) => {
  const homeserver = await start({ settings, ...setup })
  const alice = await homeserver.register('alice')
  const bob = await homeserver.register('bob')
  const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Mission Control' })
  await bob.join(roomId)
  return { homeserver, alice, bob, roomId }
}

const sendMany = async (client: TestClient, roomId: string, texts: readonly string[]): Promise<readonly string[]> => {
  const ids: string[] = []
  for (const text of texts) ids.push(await client.sendText(roomId, text))
  return ids
}

onEveryHomeserver('notifications', (start) => {
  it('reach the gateway in full, and the badge is brought up to date once they are read', async () => {
    const { homeserver, alice, bob, roomId } = await pair(start)
    await using _ = homeserver
    await using gateway = await PushGateway.start()
    await setPusher(alice, pusherOf(gateway.url, { data: { url: gateway.url, 'org.example.own': 1 } }))
    await alice.sendText(roomId, 'her own, which tells her nothing')
    const content = { msgtype: 'm.text', body: 'hello alice', 'm.mentions': { user_ids: [alice.userId] } }
    const eventId = await bob.send(roomId, 'm.room.message', content)
    const got = await gateway.next()
    expect(got).toEqual({
      event_id: eventId,
      id: eventId,
      room_id: roomId,
      type: 'm.room.message',
      sender: bob.userId,
      sender_display_name: 'bob',
      room_name: 'Mission Control',
      prio: 'high',
      content,
      counts: { unread: 1 },
      devices: [
        {
          app_id: 'org.example.app',
          pushkey: 'key',
          pushkey_ts: expect.any(Number),
          data: { 'org.example.own': 1 },
          tweaks: { highlight: true, sound: 'default' },
        },
      ],
    })
    expect(Math.abs(got.devices[0].pushkey_ts - Date.now() / 1_000)).toBeLessThan(600)
    await alice.receipt(roomId, eventId)
    const { devices, ...badge } = await gateway.next()
    expect(badge).toEqual({ counts: { unread: 0 } })
    expect(devices[0].tweaks).toBeUndefined()
  })

  it('hold ids alone where the pusher wants no more', async () => {
    const { homeserver, alice, bob, roomId } = await pair(start)
    await using _ = homeserver
    // Among more than two a message makes no sound.
    await (await homeserver.register('carol')).join(roomId)
    await using gateway = await PushGateway.start()
    await setPusher(alice, pusherOf(gateway.url, { data: { url: gateway.url, format: 'event_id_only' } }))
    const eventId = await bob.sendText(roomId, 'secret')
    const { devices, ...rest } = await gateway.next()
    expect(rest).toEqual({ event_id: eventId, room_id: roomId, prio: 'low', counts: { unread: 1 } })
    expect(devices[0].data).toEqual({ format: 'event_id_only' })
  })

  it('tell of an invite, and of nothing that the push rules silence', async () => {
    const { homeserver, alice, bob, roomId } = await pair(start)
    await using _ = homeserver
    await using gateway = await PushGateway.start()
    await setPusher(alice, pusherOf(gateway.url))
    await alice.put(`/v3/pushrules/global/room/${encodeURIComponent(roomId)}`, { actions: [] })
    await bob.sendText(roomId, 'silenced')
    const other = await bob.createRoom({ preset: 'private_chat', invite: [alice.userId] })
    expect(await gateway.next()).toMatchObject({
      room_id: other,
      type: 'm.room.member',
      membership: 'invite',
      user_is_target: true,
    })
    await alice.join(other)
    const eventId = await bob.sendText(other, 'heard')
    expect((await gateway.next()).event_id).toBe(eventId)
    await alice.leave(other)
    expect(await gateway.next()).toMatchObject({ counts: { unread: 0 } })
    await bob.sendText(other, 'not hers any more')
    await alice.delete(`/v3/pushrules/global/room/${encodeURIComponent(roomId)}`)
    // The silenced message counts now.
    expect(await gateway.next()).toMatchObject({ counts: { unread: 1 } })
    const last = await bob.sendText(roomId, 'heard again')
    expect((await gateway.next()).event_id).toBe(last)
  })

  it('come in order, again where the gateway failed, none lost', async () => {
    const clock = new SteppedClock()
    const { homeserver, alice, bob, roomId } = await pair(start, { clock })
    await using _ = homeserver
    await using gateway = await PushGateway.start()
    await setPusher(alice, pusherOf(gateway.url))
    gateway.react = (response) => {
      response.statusCode = 500
      response.end('no')
    }
    const ids = await sendMany(bob, roomId, ['one', 'two', 'three'])
    expect((await gateway.next()).event_id).toBe(ids[0])
    // The pause begins once the answer was read; then only the clock ends it.
    await whileTimePasses(clock, { anybody: bob, stepMs: 2_000 }, async () => {
      expect((await gateway.next()).event_id).toBe(ids[0])
      gateway.recover()
      const seen: string[] = []
      while (!seen.includes(ids[2] ?? '')) seen.push((await gateway.next()).event_id)
      expect([...new Set(seen)]).toEqual(ids)
    })
  })

  it('that were not delivered before a stop are delivered after the start, and delivered ones are not repeated', async () => {
    const { homeserver, alice, bob, roomId } = await pair(start)
    await using _ = homeserver
    await using gateway = await PushGateway.start()
    await setPusher(alice, pusherOf(gateway.url))
    const first = await bob.sendText(roomId, 'one')
    expect((await gateway.next()).event_id).toBe(first)
    // The answer of this one never comes: the stop cuts it.
    gateway.react = () => {}
    const second = await bob.sendText(roomId, 'two')
    expect((await gateway.next()).event_id).toBe(second)
    const third = await bob.sendText(roomId, 'three')
    gateway.react = (response) => response.destroy()
    await homeserver.restart()
    gateway.recover()
    const seen = [(await gateway.next()).event_id]
    while (!seen.includes(third)) seen.push((await gateway.next()).event_id)
    expect([...new Set(seen)]).toEqual([second, third])
  })

  it('end for a pushkey that the gateway rejects', async () => {
    const { homeserver, alice, bob, roomId } = await pair(start)
    await using _ = homeserver
    await using gateway = await PushGateway.start()
    await setPusher(alice, pusherOf(gateway.url, { pushkey: 'gone' }))
    await setPusher(alice, pusherOf(gateway.url, { pushkey: 'good' }))
    gateway.react = (response) => response.end('{"rejected":["gone"]}')
    await bob.sendText(roomId, 'one')
    await gateway.next()
    await gateway.next()
    gateway.recover()
    await expect.poll(async () => (await pushersOf(alice)).map(({ pushkey }) => pushkey)).toEqual(['good'])
    const last = await bob.sendText(roomId, 'two')
    const { event_id, devices } = await gateway.next()
    expect([event_id, devices[0].pushkey]).toEqual([last, 'good'])
  })
})
