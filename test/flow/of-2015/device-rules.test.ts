import { expect, it } from 'vitest'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { PushGateway, pusherOf, setPusher } from '../../support/other-servers/push-gateway.ts'

const enc = encodeURIComponent
const RULES = '/_matrix/client/api/v1/pushrules'

onEveryHomeserver('push rules of devices', (start) => {
  it('go before those of all devices, for pushers with their profile tag alone', async () => {
    await using homeserver = await start({ settings: { push: { allowPrivateAddresses: true } } })
    await using gateway = await PushGateway.start()
    const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const pusher = (tag: string | undefined) =>
      setPusher(
        alice,
        pusherOf(gateway.url, { pushkey: tag ?? 'none', ...(tag === undefined ? {} : { profile_tag: tag }) }),
      )
    for (const tag of ['desk', 'phone', undefined]) await pusher(tag)
    /** Who is told of a message, and how. Each pusher is told of what it is told of in order, so the last one ends the waiting. */
    const toldOf = async (body: string): Promise<Record<string, unknown>> => {
      const eventId = await bob.send(roomId, 'm.room.message', { msgtype: 'm.text', body })
      const last = await bob.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'everybody alarm' })
      const told: Record<string, unknown> = {}
      for (let left = 3; left > 0; ) {
        const { event_id: id, devices } = await gateway.next()
        const [{ pushkey, tweaks }] = devices
        if (id === eventId) told[pushkey] = tweaks?.sound ?? 'silent'
        if (id === last) left -= 1
      }
      return told
    }
    const everybody = [{ kind: 'event_match', key: 'content.body', pattern: 'alarm' }]
    await alice.put(`${RULES}/global/override/everybody`, { conditions: everybody, actions: ['notify'] })
    for (const tag of ['desk', 'phone'])
      await alice.put(`${RULES}/device/${tag}/override/everybody`, { conditions: everybody, actions: ['notify'] })
    expect(Object.keys(await toldOf('hello')).toSorted()).toEqual(['desk', 'none', 'phone'])

    await alice.put(`${RULES}/device/desk/room/${enc(roomId)}`, { actions: ['dont_notify'] })
    const bell = [{ set_tweak: 'sound', value: 'bell.wav' }]
    await alice.put(`${RULES}/device/phone/content/cake`, { pattern: 'cake', actions: ['notify', ...bell] })
    expect(await toldOf('there is cake')).toMatchObject({ phone: 'bell.wav', none: expect.not.stringMatching('bell') })
    expect(Object.keys(await toldOf('there is cake')).toSorted()).toEqual(['none', 'phone'])

    // A rule of all devices that asks for the tag; and one of today's, which nobody evaluates for a tag, is as it was.
    const phoneOnly = [{ kind: 'profile_tag', profile_tag: 'phone' }]
    await alice.put(`${RULES}/global/override/phone`, { conditions: phoneOnly, actions: ['dont_notify'] })
    expect(Object.keys(await toldOf('hello'))).toEqual(['none'])

    // The pusher takes another tag, and so the rules of that one, at once and after a restart.
    await setPusher(alice, pusherOf(gateway.url, { pushkey: 'none', profile_tag: 'desk' }))
    expect(await toldOf('hello')).toEqual({})
    await homeserver.restart()
    expect(await toldOf('hello')).toEqual({})
    await alice.delete(`${RULES}/device/desk/room/${enc(roomId)}`)
    expect(Object.keys(await toldOf('hello')).toSorted()).toEqual(['desk', 'none'])
  })
})
