import { expect, test } from 'vitest'
import { type Body, RequestRefused, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type StartHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const enc = encodeURIComponent

onEveryHomeserver('rooms that nobody is in any more', (start: StartHomeserver) => {
  const open = async (rooms: Body) => {
    const clock = new SteppedClock()
    const homeserver = await start({ clock, settings: { rooms } })
    const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
    return { clock, homeserver, alice, bob }
  }
  /** A public room with an alias of that name, which both have joined and written in. */
  const roomOf = async (alice: TestClient, bob: TestClient, name: string) => {
    const roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: name })
    await bob.join(roomId)
    const eventId = await alice.sendText(roomId, `said in ${name}`)
    return { roomId, eventId }
  }
  const leave = async (roomId: string, ...clients: readonly TestClient[]) => {
    for (const client of clients) await client.leave(roomId)
  }
  const forget = async (roomId: string, ...clients: readonly TestClient[]) => {
    for (const client of clients) await client.post(`/v3/rooms/${enc(roomId)}/forget`)
  }
  /** The server looks once an hour: a look that is under way when the clock moves may see the time before. */
  const goesIn = (clock: SteppedClock, homeserver: TestHomeserver, name: string) =>
    expect
      .poll(async () => {
        clock.advance(HOUR_MS)
        return isThere(homeserver, name)
      })
      .toBe(false)
  const isThere = async (homeserver: TestHomeserver, name: string) =>
    (await homeserver.client().request('GET', `/v3/directory/room/${enc(`#${name}:localhost`)}`)).status === 200

  test('are removed with all that was in them once all have forgotten them, and after the time that was set', async () => {
    const { clock, homeserver, alice, bob } = await open({ purgeAfter: '7d' })
    await using _ = homeserver
    const gone = await roomOf(alice, bob, 'gone')
    const stays = await roomOf(alice, bob, 'stays')
    for (let n = 0; n < 20; n++) await alice.sendText(gone.roomId, `more ${n}`)
    await alice.receipt(gone.roomId, gone.eventId)
    await alice.put(`/v3/user/${enc(alice.userId)}/rooms/${enc(gone.roomId)}/tags/u.work`, { order: 0.5 })
    await leave(gone.roomId, alice, bob)
    await forget(gone.roomId, alice, bob)
    await leave(stays.roomId, alice, bob)
    await forget(stays.roomId, alice)

    clock.advance(6 * DAY_MS)
    expect(await isThere(homeserver, 'gone')).toBe(true)
    clock.advance(2 * DAY_MS)
    await goesIn(clock, homeserver, 'gone')

    expect((await alice.request('POST', `/v3/join/${enc(gone.roomId)}`)).body.errcode).toBe('M_NOT_FOUND')
    await expect(alice.getEvent(gone.roomId, gone.eventId)).rejects.toThrow(RequestRefused)
    await expect(alice.messages(gone.roomId, { dir: 'b' })).rejects.toThrow(RequestRefused)
    expect((await alice.get('/v3/publicRooms')).chunk).not.toContainEqual(
      expect.objectContaining({ room_id: gone.roomId }),
    )
    const filter = JSON.stringify({ room: { include_leave: true } })
    expect(Object.keys((await alice.sync({ filter })).rooms?.leave ?? {})).not.toContain(gone.roomId)
    // The name is free again.
    expect(await roomOf(alice, bob, 'gone')).not.toMatchObject({ roomId: gone.roomId })

    // Bob has not forgotten the other one: he reads on, and may come back.
    expect(JSON.stringify(await bob.messages(stays.roomId, { dir: 'b' }))).toContain('said in stays')
    await bob.join(stays.roomId)
  })

  test('are removed when left by all, where it is so set, but not while somebody is invited or knocks', async () => {
    const { clock, homeserver, alice, bob } = await open({ purgeAfter: '7d', purgeWhen: 'left' })
    await using _ = homeserver
    const gone = await roomOf(alice, bob, 'gone')
    const invited = await alice.createRoom({ room_alias_name: 'invited', invite: [bob.userId] })
    const joinRule = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }
    const knocked = await alice.createRoom({ room_alias_name: 'knocked', initial_state: [joinRule] })
    await bob.post(`/v3/knock/${enc(knocked)}`)
    await leave(gone.roomId, alice, bob)
    await leave(invited, alice)
    await leave(knocked, alice)

    clock.advance(8 * DAY_MS)
    await goesIn(clock, homeserver, 'gone')
    expect(await isThere(homeserver, 'invited')).toBe(true)
    expect(await isThere(homeserver, 'knocked')).toBe(true)
    await bob.join(invited)
    expect(await bob.getState(invited, 'm.room.member', alice.userId)).toMatchObject({ membership: 'leave' })
  })

  test('are looked for on start, and cost other rooms nothing', async () => {
    const { clock, homeserver, alice, bob } = await open({ purgeAfter: '1ms', purgeWhen: 'left' })
    await using _ = homeserver
    const gone = await roomOf(alice, bob, 'gone')
    const stays = await roomOf(alice, bob, 'stays')
    const { next_batch: since } = await alice.sync()
    await leave(gone.roomId, alice, bob)
    clock.advance(10)
    await homeserver.restart()
    await goesIn(clock, homeserver, 'gone')
    await bob.sendText(stays.roomId, 'still here')
    const news = await alice.syncUntil(since, (sync) => JSON.stringify(sync).includes('still here'))
    expect(Object.keys(news.rooms.join)).toEqual([stays.roomId])
  })
})
