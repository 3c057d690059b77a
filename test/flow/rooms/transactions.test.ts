import { expect, it } from 'vitest'
import { silentLogger, systemClock } from '#base'
import { openStore, writers } from '#store'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver, startHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const enc = encodeURIComponent
const HOUR_MS = 3_600_000

/** The same a little later each time: the work that forgets has to notice first that hours went by. */
const later =
  <Result>(clock: SteppedClock, ask: () => Promise<Result>) =>
  (): Promise<Result> => {
    clock.advance(120_000)
    return ask()
  }

onEveryHomeserver('transaction ids', (start) => {
  it('are forgotten after 20 hours, so that a script that counts from 1 each day sends each day', async () => {
    const clock = new SteppedClock()
    await using home = await start({ clock })
    const alice = await home.register('alice')
    const roomId = await alice.createRoom()
    const run = (body: string): Promise<readonly string[]> =>
      Promise.all(
        Array.from({ length: 300 }, (_, n) =>
          alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body }, `${n}`),
        ),
      )
    const first = await run('first day')
    const [said = ''] = first
    const redact = async (): Promise<string> =>
      (await alice.put(`/v3/rooms/${enc(roomId)}/redact/${enc(said)}/r1`)).event_id
    const redaction = await redact()
    expect((await alice.getEvent(roomId, said)).unsigned.transaction_id).toBe('0')

    clock.advance(19 * HOUR_MS)
    expect(await run('hours later')).toEqual(first)
    await home.restart()
    expect(await run('after a restart')).toEqual(first)
    expect(await redact()).toBe(redaction)

    clock.advance(1.2 * HOUR_MS)
    await expect.poll(later(clock, redact), { timeout: 10_000 }).not.toBe(redaction)
    const second = await run('second day')
    expect(new Set([...first, ...second]).size).toBe(600)
    expect(await run('second day')).toEqual(second)
    const { chunk } = await alice.messages(roomId, { dir: 'b', limit: 300 })
    expect(new Set(chunk.map(({ event_id }: Json) => event_id))).toEqual(new Set(second))
    expect((await alice.getEvent(roomId, first[1] ?? '')).unsigned.transaction_id).toBeUndefined()
  }, 60_000)

  it('of room calls of 2015 are remembered over a restart, and forgotten after 20 hours', async () => {
    const clock = new SteppedClock()
    await using home = await start({ clock })
    const alice = await home.register('alice')
    const bob = await home.register('bob')
    const put = async (who: typeof alice, path: string, body: object = {}): Promise<Json> =>
      who.ok('PUT', `/_matrix/client/api/v1${path}`, { body })
    const made = await put(alice, '/createRoom/1', { name: 'Once' })
    const room = `/rooms/${enc(made.room_id)}`
    const say = (): Promise<string> => alice.send(made.room_id, 'm.room.message', { body: 'x', msgtype: 'm.text' }, 'x')
    const said = await say()
    await put(alice, `${room}/invite/1`, { user_id: bob.userId })
    await put(bob, `${room}/join/1`)
    await put(alice, `${room}/kick/1`, { user_id: bob.userId })
    await put(alice, `${room}/invite/2`, { user_id: bob.userId })

    await home.restart()
    clock.advance(19 * HOUR_MS)
    expect(await put(alice, '/createRoom/1', { name: 'Once' })).toEqual(made)
    expect(await put(alice, `${room}/kick/1`, { user_id: bob.userId })).toEqual({})
    expect(await put(bob, `${room}/join/1`)).toEqual({ room_id: made.room_id })
    expect((await alice.getState(made.room_id, 'm.room.member', bob.userId)).membership).toBe('invite')

    clock.advance(1.1 * HOUR_MS)
    await expect.poll(later(clock, say), { timeout: 10_000 }).not.toBe(said)
    clock.advance(0.3 * HOUR_MS)
    expect((await put(alice, '/createRoom/1', { name: 'Again' })).room_id).not.toBe(made.room_id)
  })
})

it('a room of 2015 is made once, also where the server was killed before it could remember what it answered', async () => {
  await using home = await startHomeserver()
  const alice = await home.register('alice')
  const put = (id: number, body: object): Promise<Json> =>
    alice.ok('PUT', `/_matrix/client/api/v1/createRoom/${id}`, { body })
  const made = [await put(1, { name: 'Once' }), await put(2, { room_alias_name: 'once' })]
  const url = `sqlite:${home.dataFolder}/homeroom.sqlite`
  const store = await openStore({ url, clock: systemClock, logger: silentLogger })
  await store.commit([writers.shortLived.trim('old-transaction', 0)])
  await store.close()
  await home.restart()
  expect([await put(1, { name: 'Once' }), await put(2, { room_alias_name: 'once' })]).toEqual(made)
  expect((await alice.get('/v3/joined_rooms')).joined_rooms).toHaveLength(2)
})
