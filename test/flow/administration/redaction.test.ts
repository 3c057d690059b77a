import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { Administrator } from './fixture.ts'

onEveryHomeserver('taking back what somebody sent', (start) => {
  const shared = shareHomeserver(start)
  let made = 0
  const scene = async () => {
    const server = await shared()
    made += 1
    const admin = await Administrator.of(server, `redacter${made}`)
    return { server, admin, alice: await server.register(`said${made}`), bob: await server.register(`heard${made}`) }
  }

  /** The status once the job has ended. */
  const ended = async (admin: Administrator, redactId: string): Promise<Json> => {
    for (let round = 0; round < 2_000; round += 1) {
      const told = await admin.get(`/v1/user/redact_status/${redactId}`)
      if (told.status !== 'scheduled' && told.status !== 'active') return told
    }
    throw new Error('the job does not end')
  }

  const redact = async (admin: Administrator, userId: string, body: Json): Promise<Json> =>
    ended(admin, (await admin.post(`/v1/user/${userId}/redact`, body)).redact_id)

  /** Texts of messages of a room, oldest first; undefined for those taken back. */
  const texts = async (client: TestClient, roomId: string): Promise<readonly (string | undefined)[]> => {
    const { chunk } = await client.messages(roomId, { dir: 'f', limit: 200 })
    return chunk.filter(({ type }: Json) => type === 'm.room.message').map(({ content }: Json) => content.body)
  }

  it('is done in all rooms of theirs, in their own name, and leaves what others said', async () => {
    const { admin, alice, bob } = await scene()
    const rooms = [await alice.createRoom({ preset: 'public_chat' }), await alice.createRoom()]
    const [first = '', second = ''] = rooms
    await bob.join(first)
    for (const text of ['one', 'two', 'three']) await alice.sendText(first, text)
    await bob.sendText(first, 'bob')
    await alice.sendText(second, 'alone')
    expect(await redact(admin, alice.userId, { rooms: [], reason: 'spam' })).toEqual({
      status: 'complete',
      failed_redactions: {},
    })
    expect(await texts(bob, first)).toEqual([undefined, undefined, undefined, 'bob'])
    expect(await texts(alice, second)).toEqual([undefined])
    const { chunk } = await bob.messages(first, { dir: 'b', limit: 20 })
    const because = chunk.find(({ unsigned }: Json) => unsigned?.redacted_because !== undefined)
    expect(because.unsigned.redacted_because).toMatchObject({ sender: alice.userId, content: { reason: 'spam' } })
    expect((await admin.deedsOn(alice.userId))[0]).toMatchObject({ action: 'user.redact', details: { reason: 'spam' } })
  })

  it('keeps to the rooms, the number and the times that are named', async () => {
    const { admin, alice } = await scene()
    const [room, other] = [await alice.createRoom(), await alice.createRoom()]
    const ids: string[] = []
    for (const text of ['a', 'b', 'c', 'd']) ids.push(await alice.sendText(room, text))
    await alice.sendText(other, 'stays')
    await redact(admin, alice.userId, { rooms: [room], limit: 2 })
    expect(await texts(alice, room)).toEqual(['a', 'b', undefined, undefined])
    const { origin_server_ts: at } = await alice.getEvent(room, ids[0] ?? '')
    await redact(admin, alice.userId, { rooms: [room], before_ts: at - 1 })
    await redact(admin, alice.userId, { rooms: [room], after_ts: Date.now() + 1_000_000 })
    expect(await texts(alice, room)).toEqual(['a', 'b', undefined, undefined])
    await redact(admin, alice.userId, { rooms: [room], before_ts: Date.now() + 1_000_000, after_ts: at })
    expect(await texts(alice, room)).toEqual([undefined, undefined, undefined, undefined])
    expect(await texts(alice, other)).toEqual(['stays'])
  })

  it('says which events could not be taken back, and why', async () => {
    const { admin, alice, bob } = await scene()
    const roomId = await bob.createRoom({ preset: 'public_chat' })
    await alice.join(roomId)
    const eventId = await alice.sendText(roomId, 'hers')
    // The administrator is not in the room.
    const told = await redact(admin, alice.userId, { rooms: [roomId], use_admin: true })
    expect(told.status).toBe('complete')
    expect(told.failed_redactions[eventId]).toEqual(expect.any(String))
    expect(await texts(bob, roomId)).toEqual(['hers'])
    await alice.leave(roomId)
    await admin.client.join(roomId)
    await bob.setState(roomId, 'm.room.power_levels', '', { users: { [admin.client.userId]: 100 } })
    // She has left: the administrator speaks for her.
    expect((await redact(admin, alice.userId, { rooms: [] })).failed_redactions).toEqual({})
    expect(await texts(bob, roomId)).toEqual([undefined])
  })

  it('goes through more than one page', async () => {
    const { admin, alice } = await scene()
    const roomId = await alice.createRoom()
    const all = Array.from({ length: 120 }, (_, index) => `t${index}`)
    for (const text of all) await alice.sendText(roomId, text)
    expect((await redact(admin, alice.userId, { rooms: [roomId] })).status).toBe('complete')
    expect((await texts(alice, roomId)).filter((text) => text !== undefined)).toEqual([])
  })

  it('is refused where it makes no sense', async () => {
    const { admin, alice } = await scene()
    for (const [path, body] of [
      ['/v1/user/nonsense/redact', { rooms: [] }],
      [`/v1/user/${alice.userId}/redact`, {}],
      [`/v1/user/${alice.userId}/redact`, { rooms: ['no room'] }],
      [`/v1/user/${alice.userId}/redact`, { rooms: [], limit: 0 }],
    ] as const)
      expect(await admin.ask('POST', path, body), path).toMatchObject({ status: 400 })
    expect(await admin.ask('GET', '/v1/user/redact_status/none')).toMatchObject({ status: 404 })
  })

  it('and what they did is counted: invites, and rooms they joined', async () => {
    const { server, admin, alice, bob } = await scene()
    const since = Date.now()
    const counted = async (from: number) => [
      (await admin.get(`/v1/users/${alice.userId}/sent_invite_count`, { from_ts: from })).invite_count,
      (await admin.get(`/v1/users/${alice.userId}/cumulative_joined_room_count`, { from_ts: from }))
        .cumulative_joined_room_count,
    ]
    expect(await counted(0)).toEqual([0, 0])
    const room = await alice.createRoom({ invite: [bob.userId] })
    const left = await bob.createRoom({ invite: [alice.userId] })
    await alice.join(left)
    await alice.leave(left)
    const carol = await server.register(`carol${made}`)
    await alice.invite(room, carol.userId)
    expect(await counted(since)).toEqual([2, 2])
    expect(await counted(Date.now() + 1_000_000)).toEqual([0, 0])
    expect(await admin.ask('GET', `/v1/users/${alice.userId}/sent_invite_count`)).toMatchObject({ status: 400 })
  })
})
