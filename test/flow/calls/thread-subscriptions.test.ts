import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const LIST = '/unstable/io.element.msc4308/thread_subscriptions'
const pathOf = (roomId: string, root: string): string =>
  `/unstable/io.element.msc4306/rooms/${enc(roomId)}/thread/${enc(root)}/subscription`

const inThread = (root: string, body = 'in a thread') => ({
  ...{ msgtype: 'm.text', body },
  'm.relates_to': { rel_type: 'm.thread', event_id: root },
})

const statusOf = async (client: TestClient, method: string, path: string, body?: unknown): Promise<Json> => {
  const answer = await client.request(method, path, body === undefined ? {} : { body })
  return answer.status === 200 ? 200 : [answer.status, answer.body.errcode]
}

onEveryHomeserver('thread subscriptions', (start) => {
  const shared = shareHomeserver(start)

  const aThread = async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const root = await alice.sendText(roomId, 'root')
    const reply = await alice.send(roomId, 'm.room.message', inThread(root))
    return { homeserver, alice, roomId, root, reply, path: pathOf(roomId, root) }
  }

  it('are made, told and ended; a manual one is stronger than an automatic one', async () => {
    const { alice, path, reply } = await aThread()
    expect(await statusOf(alice, 'GET', path)).toEqual([404, 'M_NOT_FOUND'])
    expect(await alice.delete(path)).toEqual({})
    expect(await alice.put(path, { automatic: reply })).toEqual({})
    expect(await alice.get(path)).toEqual({ automatic: true })
    expect(await alice.put(path, {})).toEqual({})
    expect(await alice.get(path)).toEqual({ automatic: false })
    await alice.put(path, { automatic: reply })
    expect(await alice.get(path)).toEqual({ automatic: false })
    expect(await alice.delete(path)).toEqual({})
    expect(await alice.delete(path)).toEqual({})
    expect(await statusOf(alice, 'GET', path)).toEqual([404, 'M_NOT_FOUND'])
  })

  it('do not come back by an event that was there when the user unsubscribed, and do by a later one or by hand', async () => {
    const { alice, roomId, root, reply, path } = await aThread()
    await alice.put(path, {})
    await alice.delete(path)
    const conflict = [409, 'IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION']
    expect(await statusOf(alice, 'PUT', path, { automatic: reply })).toEqual(conflict)
    const later = await alice.send(roomId, 'm.room.message', inThread(root, 'later'))
    expect(await statusOf(alice, 'PUT', path, { automatic: later })).toBe(200)
    await alice.delete(path)
    expect(await statusOf(alice, 'PUT', path, { automatic: later })).toEqual(conflict)
    expect(await statusOf(alice, 'PUT', path, {})).toBe(200)
  })

  it('are only for events of the thread that the user sees', async () => {
    const { homeserver, alice, roomId, root, path } = await aThread()
    const bob = await homeserver.register('bob')
    for (const [method, body] of [
      ['GET', undefined],
      ['PUT', {}],
      ['DELETE', undefined],
    ] as const)
      expect(await statusOf(bob, method, path, body), method).toEqual([404, 'M_NOT_FOUND'])
    const notHere = pathOf(await alice.createRoom(), root)
    expect(await statusOf(alice, 'PUT', notHere, {})).toEqual([404, 'M_NOT_FOUND'])
    const beside = await alice.sendText(roomId, 'beside')
    const notInThread = [400, 'IO.ELEMENT.MSC4306.M_NOT_IN_THREAD']
    expect(await statusOf(alice, 'PUT', path, { automatic: beside })).toEqual(notInThread)
    expect(await statusOf(alice, 'PUT', path, { automatic: root })).toEqual(notInThread)
    expect(await statusOf(alice, 'PUT', path, { automatic: '$unknown' })).toEqual([404, 'M_NOT_FOUND'])
    expect(await statusOf(alice, 'PUT', path, { automatic: 'no event id' })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await statusOf(alice, 'PUT', path, { automatic: 5 })).toEqual([400, 'M_BAD_JSON'])
    expect(await statusOf(alice, 'PUT', pathOf('room', root), {})).toEqual([400, 'M_INVALID_PARAM'])
    expect(await statusOf(alice, 'PUT', pathOf(roomId, 'event'), {})).toEqual([400, 'M_INVALID_PARAM'])
    expect(await alice.get(LIST, { dir: 'b' })).toEqual({})
  })

  it('are listed newest first in pages, each once and in its newest state', async () => {
    const { alice, roomId, root } = await aThread()
    const roots = [root]
    for (let count = 1; count < 5; count++) roots.push(await alice.sendText(roomId, `root ${count}`))
    for (const each of roots) await alice.put(pathOf(roomId, each), {})
    await alice.delete(pathOf(roomId, roots[1] ?? ''))
    const stamps = new Map<string, number>()
    const pages: string[][] = []
    for (let from: string | undefined; ; ) {
      const page = await alice.get(LIST, { dir: 'b', limit: 2, from })
      const threads: [string, Json][] = [
        ...Object.entries(page.subscribed?.[roomId] ?? {}).map(([id, text]): [string, Json] => [`+${id}`, text]),
        ...Object.entries(page.unsubscribed?.[roomId] ?? {}).map(([id, text]): [string, Json] => [`-${id}`, text]),
      ]
      for (const [id, { bump_stamp, automatic }] of threads) {
        expect(automatic).toBe(id.startsWith('+') ? false : undefined)
        stamps.set(id, bump_stamp)
      }
      pages.push(threads.map(([id]) => id))
      from = page.end
      if (from === undefined) break
    }
    const [first, second, third, fourth, fifth] = roots
    expect(pages).toEqual([[`+${fifth}`, `-${second}`], expect.any(Array), [`+${first}`]])
    expect(new Set(pages[1])).toEqual(new Set([`+${third}`, `+${fourth}`]))
    expect([...stamps.values()].sort((one, other) => other - one)).toHaveLength(5)
    const to = `ts${stamps.get(`+${fourth}`)}`
    expect(Object.keys((await alice.get(LIST, { dir: 'b', to })).subscribed[roomId])).toEqual([fifth])
  })

  it('are listed with parameters of the right kind alone', async () => {
    const { alice } = await aThread()
    expect(await statusOf(alice, 'GET', LIST)).toEqual([400, 'M_MISSING_PARAM'])
    for (const query of [
      { dir: 'f' },
      { dir: 'b', limit: 0 },
      { dir: 'b', limit: 'many' },
      { dir: 'b', from: 'nothing' },
      { dir: 'b', from: 'ts-1' },
      { dir: 'b', to: `ts${'9'.repeat(30)}` },
    ]) {
      const { status, body } = await alice.request('GET', LIST, { query })
      expect([status, body.errcode], JSON.stringify(query)).toEqual([400, 'M_INVALID_PARAM'])
    }
  })

  it('are one, whoever of 32 subscribes at once', async () => {
    const { alice, path, roomId } = await aThread()
    await Promise.all(Array.from({ length: 32 }, () => alice.put(path, {})))
    const { subscribed } = await alice.get(LIST, { dir: 'b' })
    const [{ bump_stamp: stamp }] = Object.values(subscribed[roomId]) as Json[]
    await alice.put(path, {})
    expect(await alice.get(LIST, { dir: 'b', to: `ts${stamp}` })).toEqual({})
  })

  it('go on after a restart', async () => {
    const { homeserver, alice, path, reply } = await aThread()
    await alice.put(path, { automatic: reply })
    await homeserver.restart()
    expect(await alice.get(path)).toEqual({ automatic: true })
  })
})
