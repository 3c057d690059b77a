import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Json, Query, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { bundleOf, edit, idsOf, ignore, react, refer, relationsOf, reply, threadsOf } from './fixture.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
let roomId: string

const everything = async (path: string, query: Query): Promise<string[]> => {
  const ids: string[] = []
  let from: string | undefined
  for (let pages = 0; pages < 50; pages++) {
    const page = await relationsOf(bob, roomId, path, { ...query, from })
    ids.push(...idsOf(page.chunk))
    if (page.next_batch === undefined) return ids
    from = page.next_batch
  }
  throw new Error('the pages do not end')
}

onEveryHomeserver('the events that relate to one', (start) => {
  beforeAll(async () => {
    homeserver = await start()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
  })
  afterAll(() => homeserver.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
  })

  it('come page by page, in both directions, by type of relation and of event', async () => {
    const root = await alice.sendText(roomId, 'root')
    const replies: string[] = []
    for (let count = 0; count < 7; count++) replies.push(await reply(count % 2 === 0 ? alice : bob, roomId, root))
    const reaction = await react(bob, roomId, root)
    const reference = await refer(alice, roomId, root, 'org.example.vote')
    const all = [...replies, reaction, reference]
    for (const limit of [1, 3, 9, 50]) {
      expect(await everything(root, { limit, dir: 'f' })).toEqual(all)
      expect(await everything(root, { limit })).toEqual(all.toReversed())
      expect(await everything(`${root}/m.thread`, { limit, dir: 'f' })).toEqual(replies)
    }
    expect(await everything(`${root}/m.thread/m.room.message`, {})).toEqual(replies.toReversed())
    expect(await everything(`${root}/m.thread/m.sticker`, {})).toEqual([])
    expect(await everything(`${root}/m.reference/org.example.vote`, {})).toEqual([reference])
    expect(await everything(`${root}/org.example.none`, {})).toEqual([])
  })

  it('come between tokens of /messages and of a sync too', async () => {
    const root = await alice.sendText(roomId, 'root')
    const first = await reply(alice, roomId, root)
    const { next_batch: sync } = await bob.sync()
    const { start: middle } = await bob.messages(roomId, { dir: 'b', limit: 1 })
    const second = await reply(alice, roomId, root)
    for (const token of [sync, middle]) {
      const newer = await relationsOf(bob, roomId, root, { dir: 'f', from: token })
      expect(idsOf(newer.chunk)).toEqual([second])
      expect(newer.prev_batch).toBe(token)
      expect(idsOf((await relationsOf(bob, roomId, root, { from: token })).chunk)).toEqual([first])
      expect(idsOf((await relationsOf(bob, roomId, root, { to: token })).chunk)).toEqual([second])
    }
    expect(idsOf((await relationsOf(bob, roomId, root, { from: '' })).chunk)).toEqual([second, first])
    for (const from of ['nonsense', 't99999999', 't2_1_99999999'])
      await expect(relationsOf(bob, roomId, root, { from })).rejects.toMatchObject({ errcode: 'M_INVALID_PARAM' })
  })

  it('reach three levels deep where that is asked for, as long as each link lasts', async () => {
    const root = await alice.sendText(roomId, 'root')
    const answer = await reply(alice, roomId, root)
    const better = await edit(alice, roomId, answer, 'better')
    const reaction = await react(bob, roomId, better)
    const beyond = await refer(bob, roomId, reaction)
    const other = await reply(bob, roomId, root)
    const deep = await relationsOf(bob, roomId, root, { recurse: true })
    expect(deep.recursion_depth).toBe(3)
    expect(idsOf(deep.chunk)).toEqual([other, reaction, better, answer])
    expect(await everything(root, { recurse: true, limit: 1, dir: 'f' })).toEqual([answer, better, reaction, other])
    expect(await everything(`${root}/m.annotation`, { recurse: true })).toEqual([reaction])
    expect(await everything(`${answer}`, { recurse: true })).toEqual([beyond, reaction, better])
    expect(await relationsOf(bob, roomId, root)).not.toHaveProperty('recursion_depth')
    expect(await everything(root, {})).toEqual([other, answer])
    await alice.redact(roomId, answer)
    expect(await everything(root, { recurse: true })).toEqual([other])
    expect(await everything(answer, { recurse: true })).toEqual([beyond, reaction, better])
    await alice.redact(roomId, better)
    expect(await everything(answer, { recurse: true })).toEqual([])
  })

  it('are those that the reader may see', async () => {
    const carol = await homeserver.register('carol')
    await alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: 'joined' })
    const hidden = await alice.sendText(roomId, 'before carol')
    await carol.join(roomId)
    const root = await alice.sendText(roomId, 'root')
    const first = await reply(alice, roomId, root)
    await reply(bob, roomId, root)
    await ignore(carol, bob.userId)
    expect(idsOf((await relationsOf(carol, roomId, root)).chunk)).toEqual([first])
    await carol.leave(roomId)
    await reply(alice, roomId, root)
    expect(idsOf((await relationsOf(carol, roomId, root)).chunk)).toEqual([first])
    const dave = await homeserver.register('dave')
    const missing = { status: 404, errcode: 'M_NOT_FOUND' }
    await expect(relationsOf(carol, roomId, hidden)).rejects.toMatchObject(missing)
    await expect(relationsOf(dave, roomId, root)).rejects.toMatchObject(missing)
    await expect(relationsOf(bob, roomId, '$nothing')).rejects.toMatchObject(missing)
    await expect(relationsOf(bob, '!nothing:localhost', root)).rejects.toMatchObject(missing)
    await expect(relationsOf(bob, roomId, `${root}/%00`)).rejects.toMatchObject({ errcode: 'M_INVALID_PARAM' })
    await expect(relationsOf(bob, roomId, 'nonsense')).rejects.toMatchObject({ errcode: 'M_INVALID_PARAM' })
  })

  describe('the threads of a room', () => {
    const rootsOf = async (client: TestClient, query: Query = {}): Promise<string[]> =>
      idsOf((await threadsOf(client, roomId, query)).chunk)

    it('come with the latest reply first, page by page, all or those that one took part in', async () => {
      const roots: string[] = []
      for (const client of [alice, bob, alice]) roots.push(await client.sendText(roomId, 'root'))
      const [one = '', two = '', three = ''] = roots
      await alice.sendText(roomId, 'no thread')
      await reply(alice, roomId, one)
      await reply(alice, roomId, two)
      await reply(alice, roomId, three)
      const last = await reply(alice, roomId, one)
      expect(await rootsOf(bob)).toEqual([one, three, two])
      expect(await rootsOf(bob, { include: 'participated' })).toEqual([two])
      await reply(bob, roomId, three)
      expect(await rootsOf(bob, { include: 'participated' })).toEqual([three, two])
      expect(await rootsOf(alice, { include: 'participated' })).toEqual([three, one, two])
      const found: Json[] = []
      let from: string | undefined
      do {
        const page = await threadsOf(bob, roomId, { limit: 1, from })
        found.push(...page.chunk)
        from = page.next_batch
      } while (from !== undefined)
      expect(idsOf(found)).toEqual([three, one, two])
      expect(bundleOf(found[1])['m.thread']).toMatchObject({ count: 2, latest_event: { event_id: last } })
      for (const query of [{ from: 'nonsense' }, { include: 'none' }, { limit: 0 }])
        await expect(threadsOf(bob, roomId, query)).rejects.toMatchObject({ status: 400 })
    })

    it('show a root of an ignored user without its content, and no thread that ignored users have for themselves', async () => {
      const carol = await homeserver.register('carol')
      await carol.join(roomId)
      const root = await bob.sendText(roomId, 'of bob')
      const other = await alice.sendText(roomId, 'of alice')
      await reply(alice, roomId, root)
      await reply(bob, roomId, other)
      await ignore(carol, bob.userId)
      const { chunk } = await threadsOf(carol, roomId)
      expect(idsOf(chunk)).toEqual([root])
      expect(chunk[0].content).toEqual({})
      expect(bundleOf(chunk[0])['m.thread'].count).toBe(1)
    })

    it('are those of roots that exist, are here, relate to nothing, and have a reply that is not redacted', async () => {
      const elsewhere = await bob.createRoom()
      const there = await bob.sendText(elsewhere, 'there')
      await reply(bob, roomId, there)
      await reply(bob, roomId, '$nothing')
      const root = await alice.sendText(roomId, 'root')
      const answer = await reply(bob, roomId, root)
      expect(await rootsOf(alice)).toEqual([root])
      await bob.redact(roomId, answer)
      expect(await rootsOf(alice)).toEqual([])
      const dave = await homeserver.register('dave')
      await expect(threadsOf(dave, roomId)).rejects.toMatchObject({ status: 403, errcode: 'M_FORBIDDEN' })
    })
  })
})
