import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { search } from './searches.ts'

const enc = encodeURIComponent

const ids = ({ results }: Json): string[] => results.map(({ result }: Json) => result.event_id)
const bodies = ({ results }: Json): string[] => results.map(({ result }: Json) => result.content.body)

onEveryHomeserver('search in messages', (start) => {
  const shared = shareHomeserver(start)
  const register = async (name: string): Promise<TestClient> => (await shared()).register(name)

  it('finds an event by its body, at once after it was sent', async () => {
    const alice = await register('alice')
    const roomId = await alice.createRoom()
    const eventId = await alice.sendText(roomId, 'hello, world')
    const found = await search(alice, 'hello', { keys: ['content.body'], filter: { rooms: [roomId] } })
    expect(found).toMatchObject({ count: 1, highlights: ['hello'] })
    expect(found.results).toHaveLength(1)
    expect(found.results[0]).toMatchObject({
      rank: expect.any(Number),
      result: { event_id: eventId, room_id: roomId, type: 'm.room.message', content: { body: 'hello, world' } },
    })
    expect(found.results[0].context).toBeUndefined()
    expect(found.next_batch).toBeUndefined()
  })

  it('shows the events around a result, newest first before it, with tokens for /messages and the profiles of that time', async () => {
    const alice = await register('alice')
    await alice.put(`/v3/profile/${enc(alice.userId)}/displayname`, { displayname: 'Alice' })
    const roomId = await alice.createRoom()
    for (let number = 1; number <= 7; number += 1) await alice.sendText(roomId, `Message number ${number}`)
    const wish = { before_limit: 2, after_limit: 2, include_profile: true }
    const found = await search(alice, 'Message 4', {
      keys: ['content.body'],
      order_by: 'recent',
      filter: { limit: 1, rooms: [roomId] },
      event_context: wish,
    })
    expect(found.count).toBe(1)
    const { context } = found.results[0]
    const texts = (events: Json[]): string[] => events.map(({ content }) => content.body)
    expect(texts(context.events_before)).toEqual(['Message number 3', 'Message number 2'])
    expect(texts(context.events_after)).toEqual(['Message number 5', 'Message number 6'])
    expect(context.profile_info).toEqual({ [alice.userId]: { displayname: 'Alice' } })
    const earlier = await alice.messages(roomId, { dir: 'b', from: context.start, limit: 1 })
    expect(texts(earlier.chunk)).toEqual(['Message number 1'])
    const later = await alice.messages(roomId, { dir: 'f', from: context.end, limit: 5 })
    expect(texts(later.chunk)).toEqual(['Message number 7'])
    const plain = (await search(alice, 'Message 4', { event_context: {} })).results[0].context
    expect(plain.events_before).toHaveLength(5)
    expect(plain.events_after).toHaveLength(3)
    expect(plain.profile_info).toBeUndefined()
  })

  it('goes back page by page, in both orders, with nothing twice and nothing missing', async () => {
    const alice = await register('alice')
    const roomId = await alice.createRoom()
    const sent: string[] = []
    for (let number = 0; number < 20; number += 1) sent.push(await alice.sendText(roomId, `Message number ${number}`))
    const filter = { limit: 10, rooms: [roomId] }
    for (const order of ['recent', 'rank']) {
      const wish = { order_by: order, filter }
      const first = await search(alice, 'Message', wish)
      expect(first.count).toBe(20)
      const second = await search(alice, 'Message', wish, first.next_batch)
      expect(second.count).toBe(20)
      const third = await search(alice, 'Message', wish, second.next_batch)
      expect(third).toMatchObject({ count: 20, results: [] })
      expect(third.next_batch).toBeUndefined()
      const all = [...ids(first), ...ids(second)]
      if (order === 'recent') expect(all).toEqual(sent.toReversed())
      else expect(all.toSorted()).toEqual(sent.toSorted())
      const ranks = [...first.results, ...second.results].map(({ rank }: Json) => rank)
      if (order === 'rank') expect(ranks).toEqual(ranks.toSorted((one, other) => other - one))
    }
  })

  it('ranks a text that is short and repeats the words first', async () => {
    const alice = await register('alice')
    const roomId = await alice.createRoom()
    const long = await alice.sendText(
      roomId,
      `apples are among the many things that ${'one more word and '.repeat(20)} end`,
    )
    const once = await alice.sendText(roomId, 'apples and pears')
    const twice = await alice.sendText(roomId, 'apples, apples')
    expect(ids(await search(alice, 'apples'))).toEqual([twice, once, long])
  })

  it('goes through a room and the one it was upgraded from', async () => {
    const alice = await register('alice')
    const before = await alice.createRoom({ room_version: '8' })
    const old = await alice.sendText(before, 'Message before upgrade')
    const after = await alice.createRoom({
      room_version: '9',
      creation_content: { predecessor: { room_id: before, event_id: old } },
    })
    const fresh = await alice.sendText(after, 'Message after upgrade')
    expect(ids(await search(alice, 'upgrade', { filter: { rooms: [before, after] } })).toSorted()).toEqual(
      [old, fresh].toSorted(),
    )
    await alice.leave(before)
    expect(ids(await search(alice, 'upgrade', { filter: { rooms: [after] } })).toSorted()).toEqual(
      [old, fresh].toSorted(),
    )
    expect(ids(await search(alice, 'upgrade', { filter: { rooms: [before] } }))).toEqual([old])
    const bob = await register('bob')
    await alice.invite(after, bob.userId)
    await bob.join(after)
    expect(ids(await search(bob, 'upgrade', { filter: { rooms: [after] } }))).toEqual([fresh])
  })

  it.each(['rank', 'recent'])('finds nothing that was redacted, in the order %s', async (order) => {
    const alice = await register('alice')
    const roomId = await alice.createRoom()
    const gone = await alice.sendText(roomId, 'This message is going to be redacted')
    const kept = await alice.sendText(roomId, 'This message is not going to be redacted')
    expect((await search(alice, 'redacted', { order_by: order })).count).toBe(2)
    await alice.redact(roomId, gone)
    const found = await search(alice, 'redacted', { order_by: order })
    expect(ids(found)).toEqual([kept])
    expect(found.count).toBe(1)
  })

  it('follows edits: the new text is found and not the old, until the edit is redacted', async () => {
    const alice = await register('alice')
    const roomId = await alice.createRoom()
    const original = await alice.sendText(roomId, 'elephants')
    const edit = (text: string): Promise<string> =>
      alice.send(roomId, 'm.room.message', {
        msgtype: 'm.text',
        body: `* ${text}`,
        'm.new_content': { msgtype: 'm.text', body: text },
        'm.relates_to': { rel_type: 'm.replace', event_id: original },
      })
    const first = await edit('giraffes')
    expect(ids(await search(alice, 'giraffes'))).toEqual([original])
    expect(ids(await search(alice, 'elephants'))).toEqual([])
    const second = await edit('zebras')
    expect(ids(await search(alice, 'zebras'))).toEqual([original])
    expect(ids(await search(alice, 'giraffes'))).toEqual([])
    await alice.redact(roomId, second)
    expect(ids(await search(alice, 'zebras'))).toEqual([])
    expect(ids(await search(alice, 'giraffes'))).toEqual([original])
    await alice.redact(roomId, first)
    expect(ids(await search(alice, 'elephants'))).toEqual([original])
    await alice.redact(roomId, original)
    expect((await search(alice, 'elephants')).count).toBe(0)
  })

  it('takes no edit from others, nor one of an edit', async () => {
    const alice = await register('alice')
    const bob = await register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const original = await alice.sendText(roomId, 'walruses')
    const edit = (who: TestClient, of: string, text: string): Promise<string> =>
      who.send(roomId, 'm.room.message', {
        msgtype: 'm.text',
        body: `* ${text}`,
        'm.new_content': { msgtype: 'm.text', body: text },
        'm.relates_to': { rel_type: 'm.replace', event_id: of },
      })
    await edit(bob, original, 'penguins')
    const own = await edit(alice, original, 'seals')
    await edit(alice, own, 'dolphins')
    expect(ids(await search(alice, 'seals'))).toEqual([original])
    for (const word of ['walruses', 'penguins', 'dolphins']) expect((await search(alice, word)).count).toBe(0)
  })

  it('looks at the keys that are asked for: bodies, names, topics with their plain representations', async () => {
    const alice = await register('alice')
    const roomId = await alice.createRoom({ name: 'tulips of spring', topic: 'tulips everywhere' })
    const body = await alice.sendText(roomId, 'tulips')
    const rich = await alice.setState(roomId, 'm.room.topic', '', {
      topic: 'flowers',
      'm.topic': { 'm.text': [{ mimetype: 'text/html', body: '<b>daffodils</b>' }, { body: 'tulips and roses' }] },
    })
    const types = async (keys: string[]): Promise<string[]> =>
      (await search(alice, 'tulips', { keys })).results.map(({ result }: Json) => result.type).toSorted()
    expect(await types(['content.body'])).toEqual(['m.room.message'])
    expect(await types(['content.name'])).toEqual(['m.room.name'])
    expect(await types(['content.topic'])).toEqual(['m.room.topic', 'm.room.topic'])
    expect((await search(alice, 'tulips')).count).toBe(4)
    expect(ids(await search(alice, 'roses'))).toEqual([rich])
    expect((await search(alice, 'daffodils')).count).toBe(0)
    expect(ids(await search(alice, 'tulips', { filter: { types: ['m.room.message'] } }))).toEqual([body])
  })

  it('groups by room and by sender, and goes on within a group', async () => {
    const alice = await register('alice')
    const bob = await register('bob')
    const rooms: string[] = []
    for (let made = 0; made < 2; made += 1) rooms.push(await alice.createRoom({ preset: 'public_chat' }))
    const sent = new Map<string, string[]>(rooms.map((room) => [room, []]))
    const byAlice: string[] = []
    for (const room of rooms) await bob.join(room)
    for (let number = 0; number < 16; number += 1) {
      const room = rooms[number % 2] ?? ''
      const who = number % 4 < 2 ? alice : bob
      const eventId = await who.sendText(room, `grouped ${'x '.repeat(number % 3)}`)
      sent.get(room)?.unshift(eventId)
      if (who === alice) byAlice.unshift(eventId)
    }
    for (const order of ['recent', 'rank']) {
      const groupings = { group_by: [{ key: 'room_id' }, { key: 'sender' }] }
      const wish = { order_by: order, groupings, filter: { limit: 4 } }
      const first = await search(alice, 'grouped', wish)
      expect(Object.keys(first.groups)).toEqual(['room_id', 'sender'])
      const within = async (group: Json): Promise<string[]> => {
        const all: string[] = [...group.results]
        for (let token = group.next_batch; token !== undefined; ) {
          const page = await search(alice, 'grouped', wish, token)
          all.push(...ids(page))
          token = page.next_batch
        }
        return all
      }
      for (const room of rooms) {
        const all = await within(first.groups.room_id[room])
        if (order === 'recent') expect(all).toEqual(sent.get(room))
        else expect(all.toSorted()).toEqual(sent.get(room)?.toSorted())
      }
      expect((await within(first.groups.sender[alice.userId])).toSorted()).toEqual(byAlice.toSorted())
      const orders = Object.values(first.groups.room_id).map((group: Json) => group.order)
      expect(orders).toEqual(orders.map((_, index) => index))
    }
  })

  it('answers with the state of the rooms where that is asked for', async () => {
    const alice = await register('alice')
    const roomId = await alice.createRoom({ name: 'State' })
    await alice.sendText(roomId, 'stateful')
    const { state } = await search(alice, 'stateful', { include_state: true })
    expect(Object.keys(state)).toEqual([roomId])
    const types = state[roomId].map(({ type }: Json) => type)
    for (const type of ['m.room.create', 'm.room.member', 'm.room.name']) expect(types).toContain(type)
    expect((await search(alice, 'stateful')).state).toBeUndefined()
  })

  it('shows of rooms that were left what was there before, and of none that was forgotten or never joined', async () => {
    const alice = await register('alice')
    const bob = await register('bob')
    const carol = await register('carol')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const before = await alice.sendText(roomId, 'departure')
    await bob.leave(roomId)
    await alice.sendText(roomId, 'departure once more')
    const found = await search(bob, 'departure', { include_state: true })
    expect(ids(found)).toEqual([before])
    expect(found.count).toBe(1)
    expect((await search(carol, 'departure', { filter: { rooms: [roomId] } })).count).toBe(0)
    await bob.post(`/v3/rooms/${enc(roomId)}/forget`)
    expect((await search(bob, 'departure')).count).toBe(0)
  })

  it('shows nothing from before a join where the history is hidden, and nothing of those who are ignored', async () => {
    const alice = await register('alice')
    const bob = await register('bob')
    const history = { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }
    const roomId = await alice.createRoom({ preset: 'public_chat', initial_state: [history] })
    await alice.sendText(roomId, 'hidden treasure')
    await bob.join(roomId)
    expect(await search(bob, 'treasure')).toMatchObject({ count: 0, results: [] })
    const seen = await alice.sendText(roomId, 'treasure for all')
    expect(ids(await search(bob, 'treasure'))).toEqual([seen])
    await bob.put(`/v3/user/${enc(bob.userId)}/account_data/m.ignored_user_list`, {
      ignored_users: { [alice.userId]: {} },
    })
    expect((await search(bob, 'treasure')).count).toBe(0)
  })

  it('leaves out rooms that are encrypted', async () => {
    const alice = await register('alice')
    const roomId = await alice.createRoom({ name: 'secrecy' })
    expect((await search(alice, 'secrecy')).count).toBe(1)
    await alice.setState(roomId, 'm.room.encryption', '', { algorithm: 'm.megolm.v1.aes-sha2' })
    expect((await search(alice, 'secrecy')).count).toBe(0)
  })

  it.each([
    ['CASE', 'Mixed CaSe here', 'case'],
    ['accents', 'Un café crème', 'CAFE creme'],
    ['sharp s', 'Große Straße', 'grosse STRASSE'],
    ['both sigmas', 'ΟΔΟΣ και οδός', 'οδος'],
    ['width', 'ＦＵＬＬ width', 'full'],
    ['a word within Chinese', '我们明天去东京塔看风景', '东京'],
    ['one sign', '家里有一只猫', '猫'],
    ['Japanese', 'きょうは天気がいいですね', '天気'],
    ['Thai', 'วันนี้ฉันกินข้าวผัด', 'ข้าว'],
    ['Korean', '오늘은 도서관에서 공부했다', '도서관'],
    ['Hindi', 'हिन्दी भाषा', 'हिन्दी'],
    ['Arabic without its points', 'السَّلام عليكم', 'السلام'],
    ['a picture', 'well done 🎉', '🎉'],
  ])('folds and parts words: %s', async (_, text, term) => {
    const alice = await register('alice')
    const roomId = await alice.createRoom()
    const eventId = await alice.sendText(roomId, text)
    await alice.sendText(roomId, 'nothing of that kind')
    expect(ids(await search(alice, term))).toEqual([eventId])
  })

  it('takes the signs of query languages for plain text', async () => {
    const alice = await register('alice')
    const roomId = await alice.createRoom()
    const eventId = await alice.sendText(roomId, 'alpha beta')
    for (const term of ['alpha AND beta', 'alpha OR nothing', 'NOT alpha', 'alpha NEAR beta'])
      expect((await search(alice, term)).count).toBe(0)
    for (const term of [
      '"alpha',
      "alpha'",
      'alpha*',
      'alpha & !beta',
      '(alpha) | beta',
      '^alpha:',
      '{alpha -beta}',
      'alpha\\',
      '<-> alpha',
    ])
      expect(ids(await search(alice, term))).toEqual([eventId])
    for (const term of ['', ' ', '"', "''", '§r1', '***', '\\'])
      expect(await search(alice, term)).toMatchObject({ count: 0, results: [] })
  })

  it('refuses what is no search, and changes nothing', async () => {
    const alice = await register('alice')
    const ask = (events: unknown, query = {}) =>
      alice.request('POST', '/v3/search', { body: { search_categories: { room_events: events } }, query })
    const term = { search_term: 'x' }
    for (const wrong of [
      { search_term: 7 },
      { search_term: 'x'.repeat(501) },
      { ...term, keys: ['content.msgtype'] },
      { ...term, order_by: 'oldest' },
      { ...term, event_context: { before_limit: -1 } },
      { ...term, event_context: { after_limit: 'many' } },
      { ...term, groupings: { group_by: [{ key: 'type' }] } },
      { ...term, filter: 'all' },
    ])
      expect(await ask(wrong)).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
    expect(await ask({})).toMatchObject({ status: 400, body: { errcode: 'M_MISSING_PARAM' } })
    for (const filter of [{ limit: 'ten' }, { rooms: ['no room'] }, { rooms: Array(1_001).fill('!a:b') }])
      expect(await ask({ ...term, filter })).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
    for (const token of ['x', 'f1_1_1', 't12', 'f1_1_-_-_0_x9', 'f1_-1_-_-_0_-'])
      expect(await ask(term, { next_batch: token })).toMatchObject({
        status: 400,
        body: { errcode: 'M_INVALID_PARAM' },
      })
    expect(await alice.request('POST', '/v3/search', { body: {} })).toMatchObject({ status: 400 })
    expect(await alice.request('POST', '/v3/search', { body: { search_categories: {} } })).toMatchObject({
      status: 200,
      body: { search_categories: {} },
    })
    expect(await alice.request('POST', '/v3/search', { body: { search_categories: {} }, token: null })).toMatchObject({
      status: 401,
    })
  })

  it('filters by sender and by links, and shows what it found as other answers do', async () => {
    const alice = await register('alice')
    const bob = await register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    await alice.sendText(roomId, 'kiwi')
    const ofBob = await bob.send(roomId, 'm.room.message', { msgtype: 'm.file', body: 'kiwi', url: 'mxc://a/b' })
    expect(ids(await search(alice, 'kiwi', { filter: { senders: [bob.userId] } }))).toEqual([ofBob])
    expect(ids(await search(alice, 'kiwi', { filter: { not_senders: [alice.userId] } }))).toEqual([ofBob])
    expect(ids(await search(alice, 'kiwi', { filter: { contains_url: true } }))).toEqual([ofBob])
    expect((await search(alice, 'kiwi', { filter: { senders: ['@nobody:elsewhere.example'] } })).count).toBe(0)
    expect(bodies(await search(alice, 'kiwi', { filter: { limit: 0 } }))).toEqual([])
    const [{ result }] = (await search(alice, 'kiwi', { filter: { senders: [bob.userId] } })).results
    expect(result).toEqual(
      await alice.getEvent(roomId, ofBob).then((event) => ({ ...event, unsigned: result.unsigned })),
    )
  })
})
