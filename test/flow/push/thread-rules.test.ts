import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { PushGateway, pusherOf, setPusher } from '../../support/other-servers/push-gateway.ts'

const enc = encodeURIComponent
const RULES = '.io.element.msc4306.rule'
const pathOf = (roomId: string, root: string): string =>
  `/unstable/io.element.msc4306/rooms/${enc(roomId)}/thread/${enc(root)}/subscription`
const inThread = (root: string, more: object = {}) => ({
  ...{ msgtype: 'm.text', body: 'in a thread', ...more },
  'm.relates_to': { rel_type: 'm.thread', event_id: root },
})
const THREADS = { filter: JSON.stringify({ room: { timeline: { unread_thread_notifications: true } } }) }

const countsIn = async (reader: TestClient, roomId: string): Promise<Json> =>
  (await reader.sync(THREADS)).rooms.join[roomId].unread_thread_notifications ?? {}

onEveryHomeserver('push rules of thread subscriptions', (start) => {
  const shared = shareHomeserver(start, { settings: { push: { allowPrivateAddresses: true } } })

  const aRoom = async () => {
    const homeserver = await shared()
    const [alice, rita] = [await homeserver.register('alice'), await homeserver.register('rita')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await rita.join(roomId)
    await (await homeserver.register('carol')).join(roomId)
    const roots = [await alice.sendText(roomId, 'one'), await alice.sendText(roomId, 'two')] as const
    return { alice, rita, roomId, roots }
  }

  it('silence no thread of somebody whose clients never subscribed, and are not there', async () => {
    const { alice, rita, roomId, roots } = await aRoom()
    await alice.send(roomId, 'm.room.message', inThread(roots[0]))
    expect(await countsIn(rita, roomId)).toMatchObject({ [roots[0]]: { notification_count: 1 } })
    expect((await rita.get('/v3/pushrules')).global).not.toHaveProperty('postcontent')
    const rule = `/v3/pushrules/global/postcontent/${RULES}.subscribed_thread`
    expect((await rita.request('GET', rule)).status).toBe(404)
    const { status, body } = await rita.request('PUT', `${rule}/enabled`, { body: { enabled: false } })
    expect([status, body.errcode]).toEqual([404, 'M_NOT_FOUND'])
    // To unsubscribe from what one never subscribed to is no wish to hear of some threads alone.
    await rita.delete(pathOf(roomId, roots[0]))
    expect((await rita.get('/v3/pushrules')).global).not.toHaveProperty('postcontent')
  })

  it('hold from the first subscription on: other threads are silent but for mentions, a subscribed one is heard in a muted room', async () => {
    const { alice, rita, roomId, roots } = await aRoom()
    const { next_batch: since } = await rita.sync()
    await rita.put(pathOf(roomId, roots[0]), {})
    const { account_data: told } = await rita.sync({ since })
    const [rules] = told.events.filter(({ type }: Json) => type === 'm.push_rules')
    expect(rules.content.global.postcontent.map(({ rule_id, enabled }: Json) => [rule_id, enabled])).toEqual([
      [`${RULES}.unsubscribed_thread`, true],
      [`${RULES}.subscribed_thread`, true],
    ])
    await rita.put(`/v3/pushrules/global/room/${enc(roomId)}`, { actions: [] })
    for (const root of roots) await alice.send(roomId, 'm.room.message', inThread(root))
    await alice.send(roomId, 'm.room.message', inThread(roots[1], { 'm.mentions': { user_ids: [rita.userId] } }))
    expect(await countsIn(rita, roomId)).toEqual({
      [roots[0]]: { notification_count: 1, highlight_count: 0 },
      [roots[1]]: { notification_count: 1, highlight_count: 1 },
    })
  })

  it('follow each change of a subscription at once, and each of the rules', async () => {
    const { alice, rita, roomId, roots } = await aRoom()
    await rita.put(pathOf(roomId, roots[0]), {})
    for (const root of roots) await alice.send(roomId, 'm.room.message', inThread(root))
    const one = { notification_count: 1, highlight_count: 0 }
    expect(await countsIn(rita, roomId)).toEqual({ [roots[0]]: one })
    const { next_batch: since } = await rita.sync(THREADS)
    await rita.put(pathOf(roomId, roots[1]), {})
    await rita.delete(pathOf(roomId, roots[0]))
    const { rooms } = await rita.sync({ ...THREADS, since })
    expect(rooms.join[roomId].unread_thread_notifications).toEqual({ [roots[1]]: one })
    const silencing = `/v3/pushrules/global/postcontent/${RULES}.unsubscribed_thread`
    await rita.put(`${silencing}/enabled`, { enabled: false })
    expect(await countsIn(rita, roomId)).toEqual({ [roots[0]]: one, [roots[1]]: one })
    expect(await rita.get(`${silencing}/enabled`)).toEqual({ enabled: false })
  })

  it('take no rules of users, and cannot be removed', async () => {
    const { rita, roomId, roots } = await aRoom()
    await rita.put(pathOf(roomId, roots[0]), {})
    for (const id of ['mine', `${RULES}.subscribed_thread`]) {
      const path = `/v3/pushrules/global/postcontent/${id}`
      const put = await rita.request('PUT', path, { body: { actions: [], conditions: [] } })
      expect([put.status, put.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
      expect((await rita.request('DELETE', path)).status).toBe(404)
    }
  })

  it('decide what a gateway is told', async () => {
    await using gateway = await PushGateway.start()
    const { alice, rita, roomId, roots } = await aRoom()
    await rita.put(pathOf(roomId, roots[0]), {})
    await setPusher(rita, pusherOf(gateway.url))
    await alice.send(roomId, 'm.room.message', inThread(roots[1]))
    const heard = await alice.send(roomId, 'm.room.message', inThread(roots[0]))
    const notice = await gateway.next()
    expect([notice.event_id, notice.counts.unread]).toEqual([heard, 3])
  })
})
