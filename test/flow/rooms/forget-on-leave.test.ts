import { expect, it } from 'vitest'
import { onEveryHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent

onEveryHomeserver('a server that forgets rooms with the leaving', (start) => {
  it('says so, and keeps their history from who left, but not from who was removed', async () => {
    await using homeserver = await start({ settings: { rooms: { forgetOnLeave: true } } })
    const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
    const { capabilities } = await alice.get('/v3/capabilities')
    expect(capabilities['m.forget_forced_upon_leave']).toEqual({ enabled: true })
    const [left, kicked] = [
      await alice.createRoom({ preset: 'public_chat' }),
      await alice.createRoom({ preset: 'public_chat' }),
    ]
    for (const roomId of [left, kicked]) await bob.join(roomId)
    const since = (await bob.sync()).next_batch
    await bob.leave(left)
    await alice.kick(kicked, bob.userId)
    const read = async (roomId: string) =>
      (await bob.request('GET', `/v3/rooms/${enc(roomId)}/messages`, { query: { dir: 'b' } })).status
    expect([await read(left), await read(kicked)]).toEqual([403, 200])
    const told = await bob.sync({ since })
    expect(Object.keys(told.rooms?.leave ?? {})).toContain(kicked)
    // The same request again, as after a lost answer.
    expect((await bob.request('POST', `/v3/rooms/${enc(left)}/leave`, { body: {} })).status).toBeLessThan(500)
    expect(await read(left)).toBe(403)
    await bob.join(left)
    expect(await read(left)).toBe(200)
  })
})
