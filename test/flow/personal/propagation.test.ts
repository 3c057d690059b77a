import { expect, it } from 'vitest'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent

onEveryHomeserver("people's own data in rooms", (start) => {
  const shared = shareHomeserver(start)
  it('a changed profile reaches every joined room and the presence', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const rooms = [await alice.createRoom({ preset: 'public_chat' }), await alice.createRoom()]
    await bob.join(rooms[0] ?? '')
    await alice.sync()
    const { next_batch } = await bob.sync()
    const path = `/v3/profile/${enc(alice.userId)}`
    await alice.put(`${path}/displayname`, { displayname: 'Alice of the Wood' })
    await alice.put(`${path}/avatar_url`, { avatar_url: 'mxc://localhost/a' })
    for (const roomId of rooms) {
      const member = await alice.ownMember(roomId, ({ avatar_url }) => avatar_url !== undefined)
      expect(member).toMatchObject({
        membership: 'join',
        displayname: 'Alice of the Wood',
        avatar_url: 'mxc://localhost/a',
      })
    }
    const presenceOf = (sync: { presence?: { events: { sender: string; content: { displayname?: string } }[] } }) =>
      sync.presence?.events.find(({ sender }) => sender === alice.userId)?.content.displayname
    await bob.syncUntil(next_batch, (sync) => presenceOf(sync) === 'Alice of the Wood')

    const members = async () =>
      (await alice.messages(rooms[1] ?? '', { dir: 'b', limit: 100 })).chunk.filter(
        ({ type }: { type: string }) => type === 'm.room.member',
      ).length
    const before = await members()
    await alice.put(`${path}/displayname`, { displayname: 'Alice of the Wood' })
    await alice.put(`${path}/m.tz`, { 'm.tz': 'Europe/London' })
    await alice.delete(`${path}/avatar_url`)
    await alice.ownMember(rooms[1] ?? '', ({ avatar_url }) => avatar_url === undefined)
    // One for the avatar, and none for the name that did not change and the field that rooms do not have.
    expect(await members()).toBe(before + 1)
  })

  it('whom a user ignores is heard no more, from the next sync on', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const path = `/v3/user/${enc(alice.userId)}/account_data/m.ignored_user_list`
    const textsIn = (sync: {
      rooms?: { join?: Record<string, { timeline: { events: { content: { body?: string } }[] } }> }
    }) => sync.rooms?.join?.[roomId]?.timeline.events.flatMap(({ content }) => content.body ?? []) ?? []
    let { next_batch } = await alice.sync()
    const heard = async () => {
      const sync = await alice.sync({ since: next_batch })
      next_batch = sync.next_batch
      return textsIn(sync)
    }
    await bob.sendText(roomId, 'one')
    expect(await heard()).toEqual(['one'])
    await alice.put(path, { ignored_users: { [bob.userId]: {}, nonsense: {}, '@x': 5 } })
    await bob.sendText(roomId, 'two')
    expect(await heard()).toEqual([])
    await alice.put(path, { ignored_users: 'nobody' })
    await bob.sendText(roomId, 'three')
    expect(await heard()).toEqual(['three'])
  })
})
