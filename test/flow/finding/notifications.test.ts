import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'

onEveryHomeserver('notifications', (start) => {
  const shared = shareHomeserver(start)
  const list = (client: TestClient, query = {}): Promise<Json> => client.get('/v3/notifications', query)
  const bodies = ({ notifications }: Json): string[] => notifications.map(({ event }: Json) => event.content.body)
  const people = async () => {
    const homeserver = await shared()
    const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
    const rooms = [await bob.createRoom({ preset: 'public_chat' }), await bob.createRoom({ preset: 'public_chat' })]
    for (const roomId of rooms) await alice.join(roomId)
    return { homeserver, alice, bob, first: rooms[0] ?? '', second: rooms[1] ?? '' }
  }

  it('are what others wrote in the rooms of a user, newest first, with whether it is read, and what mentions them', async () => {
    const { homeserver, alice, bob, first, second } = await people()
    const one = await bob.sendText(first, 'one')
    await bob.send(second, 'm.room.message', {
      msgtype: 'm.text',
      body: 'two',
      'm.mentions': { user_ids: [alice.userId] },
    })
    await alice.sendText(first, 'mine')
    await bob.redact(first, await bob.sendText(first, 'redacted'))
    await alice.receipt(first, one)
    await bob.sendText(first, 'three')
    const elsewhere = await bob.createRoom()
    await bob.sendText(elsewhere, 'not hers')
    const { notifications, next_token } = await list(alice)
    expect(bodies({ notifications })).toEqual(['three', 'two', 'one'])
    expect(next_token).toBeUndefined()
    expect(notifications.map(({ read, room_id }: Json) => [read, room_id])).toEqual([
      [false, first],
      [false, second],
      [true, first],
    ])
    // The rule of rooms with two members.
    expect(notifications[2].actions).toEqual(['notify', { set_tweak: 'sound', value: 'default' }])
    expect(notifications[2].ts).toBe(notifications[2].event.origin_server_ts)
    expect(bodies(await list(alice, { only: 'highlight' }))).toEqual(['two'])
    const invitation = await homeserver.register('invited')
    await bob.invite(elsewhere, invitation.userId)
    const { notifications: invites } = await list(invitation)
    expect(invites.map(({ event }: Json) => event.content.membership)).toEqual(['invite'])
  })

  it('come in pages, each once', async () => {
    const { alice, bob, first, second } = await people()
    for (let text = 0; text < 7; text += 1) await bob.sendText(text % 2 === 0 ? first : second, `${text}`)
    const seen: string[] = []
    // More than one read, and nothing in it that notifies.
    for (let text = 0; text < 130; text += 1) await alice.sendText(first, 'mine')
    let from: string | undefined
    do {
      const page: Json = await list(alice, { limit: 3, from })
      expect(page.notifications.length).toBeLessThanOrEqual(3)
      seen.push(...bodies(page))
      from = page.next_token
    } while (from !== undefined)
    expect(seen).toEqual(['6', '5', '4', '3', '2', '1', '0'])
    for (const query of [{ from: 'x' }, { from: 'n-1' }, { limit: 0 }, { limit: 'many' }])
      expect((await alice.request('GET', '/v3/notifications', { query })).body.errcode).toBe('M_INVALID_PARAM')
  })

  it('end with the stay, and leave out muted rooms and ignored users', async () => {
    const { alice, bob, first, second } = await people()
    await bob.sendText(first, 'first')
    await bob.sendText(second, 'second')
    await alice.put(`/v3/pushrules/global/room/${encodeURIComponent(first)}`, { actions: [] })
    expect(bodies(await list(alice))).toEqual(['second'])
    await alice.leave(second)
    expect(bodies(await list(alice))).toEqual([])
    await alice.delete(`/v3/pushrules/global/room/${encodeURIComponent(first)}`)
    expect(bodies(await list(alice))).toEqual(['first'])
    const path = `/v3/user/${encodeURIComponent(alice.userId)}/account_data/m.ignored_user_list`
    await alice.put(path, { ignored_users: { [bob.userId]: {} } })
    expect(bodies(await list(alice))).toEqual([])
  })
})
