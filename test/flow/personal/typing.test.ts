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
})
