import { expect, it } from 'vitest'
import type { Body, Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const SPACE = { creation_content: { type: 'm.space' } }
const PUBLIC = { preset: 'public_chat' }

onEveryHomeserver('hierarchy of a space', (start) => {
  const shared = shareHomeserver(start)
  const ask = (client: TestClient, roomId: string, query: Record<string, string | number | boolean | undefined> = {}) =>
    client.request('GET', `/v1/rooms/${enc(roomId)}/hierarchy`, { query })
  const page = async (client: TestClient, roomId: string, query = {}): Promise<Json> => {
    const { status, body } = await ask(client, roomId, query)
    expect(status).toBe(200)
    return body
  }
  const ids = ({ rooms }: Json): string[] => rooms.map((room: Json) => room.room_id)
  const setChild = (client: TestClient, space: string, child: string, content: Body = {}) =>
    client.setState(space, 'm.space.child', child, { via: ['homeroom.test'], ...content })
  const people = async () => {
    const homeserver = await shared()
    return { alice: await homeserver.register('alice'), bob: await homeserver.register('bob') }
  }

  it('is depth first, in the order of the children, with their events and what rooms are', async () => {
    const { alice, bob } = await people()
    const [root, inner] = [
      await alice.createRoom({ ...SPACE, ...PUBLIC, name: 'Root' }),
      await alice.createRoom({ ...SPACE, ...PUBLIC }),
    ]
    const leaves: string[] = []
    for (let leaf = 0; leaf < 5; leaf += 1) leaves.push(await alice.createRoom({ ...PUBLIC, room_version: '11' }))
    const [a = '', b = '', c = '', d = '', e = ''] = leaves
    await setChild(alice, root, c)
    // Too long and not ASCII: no orders at all.
    await setChild(alice, root, d, { order: 'a'.repeat(51) })
    await setChild(alice, root, e, { order: 'é' })
    await setChild(alice, root, a, { order: 'bb' })
    await setChild(alice, root, inner, { order: 'b', suggested: true })
    await setChild(alice, inner, b, { more: 'x' })
    const whole = await page(bob, root)
    expect(ids(whole)).toEqual([root, inner, b, a, c, d, e])
    expect(whole.next_batch).toBeUndefined()
    expect(whole.rooms[0]).toMatchObject({
      name: 'Root',
      room_type: 'm.space',
      join_rule: 'public',
      num_joined_members: 1,
    })
    expect(whole.rooms[0].children_state.map((event: Json) => event.state_key)).toEqual([inner, a, c, d, e])
    expect(whole.rooms[1].children_state).toEqual([
      {
        type: 'm.space.child',
        state_key: b,
        sender: alice.userId,
        content: { via: ['homeroom.test'], more: 'x' },
        origin_server_ts: expect.any(Number),
      },
    ])
    expect(whole.rooms[2]).toMatchObject({ room_id: b, room_version: '11', children_state: [] })
    expect(ids(await page(bob, root, { max_depth: 0 }))).toEqual([root])
    expect(ids(await page(bob, root, { max_depth: 1 }))).toEqual([root, inner, a, c, d, e])
    const suggested = await page(bob, root, { suggested_only: true })
    expect(ids(suggested)).toEqual([root, inner])
    expect(suggested.rooms[0].children_state).toHaveLength(1)
    expect(ids(await page(bob, b))).toEqual([b])
  })

  it('shows each room once, whatever circles there are, and no entry that names no child', async () => {
    const { alice, bob } = await people()
    const spaces: string[] = []
    for (let space = 0; space < 3; space += 1) spaces.push(await alice.createRoom({ ...SPACE, ...PUBLIC }))
    const [one = '', two = '', three = ''] = spaces
    for (const parent of spaces)
      for (const child of spaces) await setChild(alice, parent, child, { order: `${spaces.indexOf(child)}` })
    await alice.setState(one, 'm.space.child', 'no room', { via: ['a'] })
    await setChild(alice, one, '!unknown:elsewhere.example')
    const removed = await alice.createRoom(PUBLIC)
    await alice.setState(one, 'm.space.child', removed, {})
    const noList = await alice.createRoom(PUBLIC)
    await alice.setState(one, 'm.space.child', noList, { via: 'homeroom.test' })
    expect(ids(await page(bob, one))).toEqual([one, two, three])
  })

  it('comes in pages that repeat nothing and miss nothing, also with spaces in spaces', async () => {
    const { alice, bob } = await people()
    const root = await alice.createRoom({ ...SPACE, ...PUBLIC })
    for (let outer = 0; outer < 3; outer += 1) {
      const space = await alice.createRoom({ ...SPACE, ...PUBLIC })
      await setChild(alice, root, space, { order: `${outer}` })
      await setChild(alice, space, root)
      for (let room = 0; room < 3; room += 1) await setChild(alice, space, await alice.createRoom(PUBLIC))
    }
    const whole = ids(await page(bob, root))
    expect(whole).toHaveLength(13)
    for (const limit of [1, 2, 5]) {
      const seen: string[] = []
      let from: string | undefined
      do {
        const next: Json = await page(bob, root, { limit, from })
        expect(next.rooms.length).toBeLessThanOrEqual(limit)
        seen.push(...ids(next))
        from = next.next_batch
      } while (from !== undefined)
      expect(seen).toEqual(whole)
    }
    const { next_batch: from } = await page(bob, root, { limit: 2 })
    for (const query of [
      { from, suggested_only: true },
      { from, max_depth: 1 },
      { from: 'x' },
      { from: 's1_0_20_zz_1' },
      { limit: 0 },
      { max_depth: -1 },
    ])
      expect((await ask(bob, root, query)).body.errcode).toBe('M_INVALID_PARAM')
    expect((await ask(bob, whole[1] ?? '', { from })).status).toBe(400)
  })

  it('shows only rooms that the user is in, may join or may ask to join, and tells nothing of others', async () => {
    const { alice, bob } = await people()
    const root = await alice.createRoom({ ...SPACE, ...PUBLIC })
    const rule = (content: Body) => ({ initial_state: [{ type: 'm.room.join_rules', state_key: '', content }] })
    const hidden = await alice.createRoom({ ...SPACE, name: 'hidden' })
    const behind = await alice.createRoom(PUBLIC)
    await setChild(alice, hidden, behind)
    const knock = await alice.createRoom(rule({ join_rule: 'knock' }))
    const allow = [{ type: 'm.room_membership', room_id: root }]
    const restricted = await alice.createRoom(rule({ join_rule: 'restricted', allow }))
    const invited = await alice.createRoom({ invite: [bob.userId] })
    const banned = await alice.createRoom(PUBLIC)
    await alice.ban(banned, bob.userId)
    const children = [hidden, knock, restricted, invited, banned]
    for (const [index, child] of children.entries()) await setChild(alice, root, child, { order: `${index}` })
    expect(ids(await page(alice, root))).toEqual([root, hidden, behind, knock, restricted, invited, banned])
    expect(ids(await page(bob, root))).toEqual([root, knock, invited])
    await bob.join(root)
    const joined = await page(bob, root)
    expect(ids(joined)).toEqual([root, knock, restricted, invited])
    expect(joined.rooms[2]).toMatchObject({ join_rule: 'restricted', allowed_room_ids: [root] })
    const refused = await ask(bob, hidden)
    expect(refused).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect((await ask(bob, '!nowhere:elsewhere.example')).body).toEqual(refused.body)
    // A token made by hand leads into no space that its bearer may not see.
    const alicesToken: string = (await page(alice, root, { limit: 2 })).next_batch
    expect(ids(await page(bob, root, { from: alicesToken }))).not.toContain(behind)
  })

  it('shortens what a space says at length of a child to the part that has a meaning', async () => {
    const { alice } = await people()
    const root = await alice.createRoom({ ...SPACE, ...PUBLIC })
    const inner = await alice.createRoom({ ...SPACE, ...PUBLIC })
    await setChild(alice, root, inner, { padding: 'x'.repeat(30_000) })
    const { rooms } = await page(alice, root)
    expect(rooms[0].children_state[0].content).toEqual({ via: ['homeroom.test'] })
    expect(ids({ rooms })).toEqual([root, inner])
  })
})
