import { expect, it } from 'vitest'
import { onEveryHomeserver, type StartHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const enc = encodeURIComponent

const pair = async (start: StartHomeserver) => {
  const clock = new SteppedClock()
  const homeserver = await start({ clock })
  const alice = await homeserver.register('alice')
  const bob = await homeserver.register('bob')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
  return { clock, homeserver, alice, bob, roomId }
}

/** The user ids of `m.typing` in a sync; undefined where it says nothing of it. */
// biome-ignore lint/suspicious/noExplicitAny: a response.
const typingIn = (sync: any, roomId: string): readonly string[] | undefined =>
  sync.rooms?.join?.[roomId]?.ephemeral?.events?.find(({ type }: { type: string }) => type === 'm.typing')?.content
    .user_ids

onEveryHomeserver('typing', (start) => {
  it('is told to the room, and ends by request, by time and by leaving', async () => {
    const { clock, homeserver, alice, bob, roomId } = await pair(start)
    await using _ = homeserver
    let { next_batch } = await bob.sync()
    const next = async () => {
      const sync = await bob.syncUntil(next_batch, (answer) => typingIn(answer, roomId) !== undefined)
      next_batch = sync.next_batch
      return typingIn(sync, roomId)
    }
    await alice.typing(roomId, 30_000)
    expect(await next()).toEqual([alice.userId])
    expect(typingIn(await bob.sync(), roomId)).toEqual([alice.userId])
    await alice.typing(roomId, 0)
    expect(await next()).toEqual([])
    expect(typingIn(await bob.sync(), roomId)).toBeUndefined()

    await alice.typing(roomId, 10_000)
    expect(await next()).toEqual([alice.userId])
    clock.advance(8_000)
    await alice.typing(roomId, 10_000)
    clock.advance(8_000)
    expect(typingIn(await bob.sync({ since: next_batch }), roomId)).toBeUndefined()
    clock.advance(3_000)
    expect(await next()).toEqual([])

    // However long somebody asks for.
    await alice.typing(roomId, 1_000_000_000)
    expect(await next()).toEqual([alice.userId])
    clock.advance(121_000)
    expect(await next()).toEqual([])

    await alice.typing(roomId, 30_000)
    expect(await next()).toEqual([alice.userId])
    await alice.leave(roomId)
    expect(await next()).toEqual([])
  })

  it('may be said by 1 and 0 for true and false, as clients of long ago do', async () => {
    const { homeserver, alice, bob, roomId } = await pair(start)
    await using _ = homeserver
    for (const prefix of ['/v3', '/r0', '/_matrix/client/api/v1']) {
      const path = `${prefix}/rooms/${enc(roomId)}/typing/${enc(alice.userId)}`
      await alice.put(path, { typing: 1, timeout: 30_000 })
      expect(typingIn(await bob.sync(), roomId)).toEqual([alice.userId])
      await alice.put(path, { typing: 0 })
      expect(typingIn(await bob.sync(), roomId)).toBeUndefined()
      for (const typing of [2, -1, '1', null])
        expect((await alice.request('PUT', path, { body: { typing } })).body.errcode).toBe('M_BAD_JSON')
    }
  })

  it('is for members, and for oneself', async () => {
    const { homeserver, alice, bob, roomId } = await pair(start)
    await using _ = homeserver
    const carol = await homeserver.register('carol')
    const put = async (client: typeof alice, room: string, userId: string, body: unknown) => {
      const answer = await client.request('PUT', `/v3/rooms/${enc(room)}/typing/${enc(userId)}`, { body })
      return answer.body.errcode
    }
    const typing = { typing: true, timeout: 1_000 }
    expect(await put(carol, roomId, carol.userId, typing)).toBe('M_FORBIDDEN')
    expect(await put(alice, '!unknown:localhost', alice.userId, typing)).toBe('M_FORBIDDEN')
    expect(await put(alice, roomId, bob.userId, typing)).toBe('M_FORBIDDEN')
    expect(await put(alice, 'noroom', alice.userId, typing)).toBe('M_INVALID_PARAM')
    expect(await put(alice, roomId, alice.userId, {})).toBe('M_MISSING_PARAM')
    expect(await put(alice, roomId, alice.userId, { typing: 'yes' })).toBe('M_BAD_JSON')
    expect(await put(alice, roomId, alice.userId, { typing: true, timeout: 'long' })).toBe('M_BAD_JSON')
    expect(await put(alice, roomId, alice.userId, { typing: true, timeout: 1.5 })).toBe('M_BAD_JSON')
    expect(await put(alice, roomId, alice.userId, { typing: false })).toBeUndefined()
    expect(await put(alice, roomId, alice.userId, { typing: true, timeout: -5 })).toBeUndefined()
  })

  it('and receipts are refused to who has left, was removed or banned, and to who was only asked', async () => {
    const { homeserver, alice, bob, roomId } = await pair(start)
    await using _ = homeserver
    const eventId = await alice.sendText(roomId, 'x')
    const attempts: readonly (readonly [string, string, object])[] = [
      ['PUT', `typing/${enc(bob.userId)}`, { typing: true, timeout: 1_000 }],
      ['POST', `receipt/m.read/${enc(eventId)}`, {}],
      ['POST', 'read_markers', { 'm.fully_read': eventId, 'm.read': eventId }],
    ]
    const statuses = async () => {
      const answers: unknown[] = []
      for (const [method, path, body] of attempts) {
        const answer = await bob.request(method, `/v3/rooms/${enc(roomId)}/${path}`, { body })
        answers.push(answer.body.errcode ?? answer.status)
      }
      return answers
    }
    expect(await statuses()).toEqual([200, 200, 200])
    const refused = attempts.map(() => 'M_FORBIDDEN')
    await bob.leave(roomId)
    expect(await statuses()).toEqual(refused)
    await alice.invite(roomId, bob.userId)
    expect(await statuses()).toEqual(refused)
    await bob.join(roomId)
    await alice.kick(roomId, bob.userId)
    expect(await statuses()).toEqual(refused)
    await alice.ban(roomId, bob.userId)
    expect(await statuses()).toEqual(refused)
    await alice.unban(roomId, bob.userId)
    await alice.setState(roomId, 'm.room.join_rules', '', { join_rule: 'knock' })
    await bob.post(`/v3/knock/${enc(roomId)}`)
    expect(await statuses()).toEqual(refused)
    const { rooms } = await alice.sync()
    expect(typingIn({ rooms }, roomId) ?? []).toEqual([])
  })

  it('ends for whoever is removed or banned', async () => {
    const { homeserver, alice, bob, roomId } = await pair(start)
    await using _ = homeserver
    for (const remove of [() => alice.kick(roomId, bob.userId), () => alice.ban(roomId, bob.userId)]) {
      await bob.join(roomId)
      await bob.typing(roomId, 30_000)
      expect(typingIn(await alice.sync(), roomId)).toEqual([bob.userId])
      await remove()
      expect(typingIn(await alice.sync(), roomId)).toBeUndefined()
    }
  })
})
