import { expect, it } from 'vitest'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { PushGateway, pusherOf, pushersOf, setPusher } from '../../support/other-servers/push-gateway.ts'

const settings = { push: { allowPrivateAddresses: true } }

onEveryHomeserver('pushers', (start) => {
  const aRoom = async () => {
    const homeserver = await start({ settings })
    const gateway = await PushGateway.start()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await bob.createRoom({ preset: 'public_chat' })
    await alice.join(roomId)
    return {
      ...{ homeserver, gateway, alice, bob, roomId },
      [Symbol.asyncDispose]: async () => {
        await gateway[Symbol.asyncDispose]()
        await homeserver.stop()
      },
    }
  }

  it('are switched off and on from another device, and push nothing of what came between', async () => {
    await using all = await aRoom()
    const { gateway, alice, bob, roomId } = all
    const tablet = await alice.loginAgain()
    const pusher = pusherOf(gateway.url)
    await setPusher(alice, pusher)
    const first = await bob.sendText(roomId, 'one')
    expect((await gateway.next()).event_id).toBe(first)
    await setPusher(tablet, { ...pusher, 'org.matrix.msc3881.enabled': false })
    expect((await pushersOf(alice))[0]).toMatchObject({
      ...{ enabled: false, 'org.matrix.msc3881.enabled': false },
      device_id: tablet.deviceId,
    })
    const silent = pusherOf(gateway.url, { pushkey: 'other', app_id: 'org.example.other' })
    await setPusher(alice, silent)
    const second = await bob.sendText(roomId, 'two')
    expect(await gateway.next()).toMatchObject({ event_id: second, devices: [{ pushkey: 'other' }] })
    await setPusher(tablet, { ...pusher, enabled: true })
    await setPusher(alice, { kind: null, app_id: 'org.example.other', pushkey: 'other' })
    const third = await bob.sendText(roomId, 'three')
    expect(await gateway.next()).toMatchObject({ event_id: third, devices: [{ pushkey: 'key' }] })
  })

  it.each([
    ['in data', (url: string) => ({ data: { url, 'org.matrix.msc4076.disable_badge_count': true } })],
    ['beside it', (url: string) => ({ data: { url }, disable_badge_count: true })],
  ])('tell no counts where the app keeps its own, as it said %s', async (_, said) => {
    await using all = await aRoom()
    const { gateway, alice, bob, roomId } = all
    await setPusher(alice, pusherOf(gateway.url, said(gateway.url)))
    const first = await bob.sendText(roomId, 'one')
    const notice = await gateway.next()
    expect(notice.event_id).toBe(first)
    expect(notice).not.toHaveProperty('counts')
    // Reading changes the badge, of which this app hears nothing.
    await alice.receipt(roomId, first)
    const second = await bob.sendText(roomId, 'two')
    expect((await gateway.next()).event_id).toBe(second)
  })

  it('are woken for each encrypted event of a room that tells only of mentions, and for none of a muted one', async () => {
    await using all = await aRoom()
    const { gateway, alice, bob, roomId } = all
    await setPusher(alice, pusherOf(gateway.url))
    await alice.put(`/v3/pushrules/global/room/${encodeURIComponent(roomId)}`, { actions: ['dont_notify'] })
    await bob.sendText(roomId, 'plain, and no mention')
    const encrypted = await bob.send(roomId, 'm.room.encrypted', { algorithm: 'm.megolm.v1.aes-sha2' })
    expect((await gateway.next()).event_id).toBe(encrypted)
    const condition = { kind: 'event_match', key: 'room_id', pattern: roomId }
    await alice.put('/v3/pushrules/global/override/mute', { conditions: [condition], actions: [] })
    await bob.send(roomId, 'm.room.encrypted', { algorithm: 'm.megolm.v1.aes-sha2' })
    await alice.delete('/v3/pushrules/global/override/mute')
    const { notifications } = await alice.get('/v3/notifications')
    expect(notifications.some(({ event }: { event: { event_id: string } }) => event.event_id === encrypted)).toBe(true)
  })
})
