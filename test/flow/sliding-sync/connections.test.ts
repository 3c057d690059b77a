import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { legacySync, refusal, v4Sync } from './requests.ts'

onEveryHomeserver('connections of sliding sync', (start) => {
  let homeserver: TestHomeserver
  let alice: TestClient
  beforeAll(async () => {
    homeserver = await start()
    alice = await homeserver.register('alice')
  })
  afterAll(() => homeserver.stop())

  it('answers both wire forms, each with a position for the next request', async () => {
    const legacy = await legacySync(alice, { conn_id: 'one', txn_id: 'txn' })
    expect(legacy).toEqual({ rooms: {}, lists: {}, extensions: {}, txn_id: 'txn', pos: expect.any(String) })
    const next = await legacySync(alice, { conn_id: 'one' }, { pos: legacy.pos })
    expect(next.pos).not.toBe(legacy.pos)
    const v4 = await v4Sync(alice, { conn_id: 'two' })
    expect(v4).toEqual({ rooms: {}, lists: {}, extensions: {}, pos: expect.any(String) })
    expect(await v4Sync(alice, { conn_id: 'two', pos: v4.pos })).toHaveProperty('pos')
  })

  it('takes the same position again, as the answer may have been lost, and refuses older ones', async () => {
    const first = await legacySync(alice, { conn_id: 'lost' })
    const second = await legacySync(alice, { conn_id: 'lost' }, { pos: first.pos })
    await legacySync(alice, { conn_id: 'lost' }, { pos: first.pos })
    await legacySync(alice, { conn_id: 'lost' }, { pos: second.pos })
    expect(await refusal(legacySync(alice, { conn_id: 'lost' }, { pos: first.pos }))).toEqual([400, 'M_UNKNOWN_POS'])
    await legacySync(alice, { conn_id: 'lost' })
    expect(await refusal(legacySync(alice, { conn_id: 'lost' }, { pos: second.pos }))).toEqual([400, 'M_UNKNOWN_POS'])
  })

  it('refuses a position of another device, one of another server, and one from the future', async () => {
    const { pos } = await legacySync(alice, {})
    const other = await alice.loginAgain()
    expect(await refusal(legacySync(other, {}, { pos }))).toEqual([400, 'M_UNKNOWN_POS'])
    for (const strange of ['1', 'h1_1_1_1_1_1_1_1', 's1_..', `${pos}.1`, `s1_9999999${pos.slice(4)}`]) {
      expect(await refusal(legacySync(alice, {}, { pos: strange }))).toEqual([400, 'M_UNKNOWN_POS'])
      expect(await refusal(v4Sync(alice, { pos: strange }))).toEqual([400, 'M_UNKNOWN_POS'])
    }
  })

  it('goes on after a restart', async () => {
    const { pos } = await legacySync(alice, { conn_id: 'kept' })
    await homeserver.restart()
    expect(await legacySync(alice, { conn_id: 'kept' }, { pos })).toHaveProperty('pos')
  })

  it('wakes no device by what another one of the account asks: it waits until there is news', async () => {
    const roomId = await alice.createRoom()
    const laptop = await alice.loginAgain()
    const body = {
      conn_id: 'both',
      lists: { all: { ranges: [[0, 9]], timeline_limit: 1, required_state: [] } },
      extensions: { to_device: { enabled: true }, e2ee: { enabled: true }, receipts: { enabled: true } },
    }
    let [{ pos }, { pos: ofLaptop }] = [await legacySync(alice, body), await legacySync(laptop, body)]
    ofLaptop = (await legacySync(laptop, body, { pos: ofLaptop })).pos
    const waiting = legacySync(laptop, body, { pos: ofLaptop, timeout: 60_000 })
    for (let asked = 0; asked < 5; asked++) ({ pos } = await legacySync(alice, body, { pos }))
    const news = await alice.sendText(roomId, 'news')
    const { rooms } = await waiting
    expect(rooms[roomId].timeline.map(({ event_id }: Json) => event_id)).toEqual([news])
  })

  it('answers a waiting request when the connection makes another', async () => {
    const { pos } = await legacySync(alice, { conn_id: 'waiting' })
    const waiting = legacySync(alice, { conn_id: 'waiting' }, { pos, timeout: 60_000 })
    const answers = [waiting, legacySync(alice, { conn_id: 'waiting' }, { pos, timeout: 0 })]
    for (const answer of await Promise.all(answers)) expect(answer.rooms).toEqual({})
  })
})
