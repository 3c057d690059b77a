import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
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

  it('answers a waiting request when the connection makes another', async () => {
    const { pos } = await legacySync(alice, { conn_id: 'waiting' })
    const waiting = legacySync(alice, { conn_id: 'waiting' }, { pos, timeout: 60_000 })
    const answers = [waiting, legacySync(alice, { conn_id: 'waiting' }, { pos, timeout: 0 })]
    for (const answer of await Promise.all(answers)) expect(answer.rooms).toEqual({})
  })
})
