import { expect, it } from 'vitest'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { PushGateway, pusherOf, setPusher } from '../../support/other-servers/push-gateway.ts'

const enc = encodeURIComponent
const settings = { push: { allowPrivateAddresses: true } }

onEveryHomeserver('the badge', (start) => {
  it('equals the unread counts and is told as soon as they change: rules, ignored users, redactions, leaving', async () => {
    await using homeserver = await start({ settings })
    await using gateway = await PushGateway.start()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const carol = await homeserver.register('carol')
    const rooms = [await bob.createRoom({ preset: 'public_chat' }), await bob.createRoom({ preset: 'public_chat' })]
    const [first, second] = rooms as [string, string]
    for (const roomId of rooms) for (const one of [alice, carol]) await one.join(roomId)
    await setPusher(alice, pusherOf(gateway.url))
    // Nothing is unread, so a change of rules tells the gateway nothing.
    await alice.put('/v3/pushrules/global/content/cake', { pattern: 'cake', actions: ['notify'] })
    const badgeAfter = async (change: Promise<unknown>): Promise<unknown> => {
      await change
      return (await gateway.next()).counts.unread
    }
    const said = []
    for (const [one, roomId] of [
      [bob, first],
      [carol, first],
      [bob, second],
      [carol, second],
    ] as const) {
      said.push(await one.sendText(roomId, 'hello'))
      expect((await gateway.next()).counts.unread).toBe(said.length)
    }
    const mute = '/v3/pushrules/global/override/mute'
    const ofFirst = { conditions: [{ kind: 'event_match', key: 'room_id', pattern: first }], actions: [] }
    expect(await badgeAfter(alice.put(mute, ofFirst))).toBe(2)
    expect(await badgeAfter(alice.delete(mute))).toBe(4)
    const ignoredUsers = `/v3/user/${enc(alice.userId)}/account_data/m.ignored_user_list`
    expect(await badgeAfter(alice.put(ignoredUsers, { ignored_users: { [carol.userId]: {} } }))).toBe(2)
    expect(await badgeAfter(alice.put(ignoredUsers, { ignored_users: {} }))).toBe(4)
    expect(await badgeAfter(bob.redact(first, said[1] ?? ''))).toBe(3)
    expect(await badgeAfter(alice.leave(second))).toBe(1)
    await alice.put(`/v3/profile/${enc(alice.userId)}/displayname`, { displayname: 'Alicia' })
    const last = await bob.sendText(first, 'hello again')
    const notice = await gateway.next()
    expect([notice.event_id, notice.counts.unread]).toEqual([last, 2])
    const total = Object.values<{ unread_notifications: { notification_count: number } }>(
      (await alice.sync()).rooms.join,
    ).reduce((sum, { unread_notifications: { notification_count } }) => sum + notification_count, 0)
    expect(total).toBe(2)
  })
})
