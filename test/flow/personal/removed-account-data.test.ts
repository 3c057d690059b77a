import { expect, it } from 'vitest'
import type { Answer, Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { allDone, each } from '../many-at-once/together.ts'

const enc = encodeURIComponent
const saidOf = ({ status, body }: Answer) => [status, body.errcode]

onEveryHomeserver('account data that is removed', (start) => {
  const shared = shareHomeserver(start)

  /** Global data and that of a room, each with its two paths. */
  const places = async (client: TestClient) => {
    const roomId = await client.createRoom()
    const user = `/user/${enc(client.userId)}`
    return [user, `${user}/rooms/${enc(roomId)}`].map((scope, index) => ({
      type: `org.example.${index}`,
      stored: `/v3${scope}/account_data/org.example.${index}`,
      removal: `/unstable/org.matrix.msc3391${scope}/account_data/org.example.${index}`,
      told: (sync: Json): readonly Json[] => {
        const data = index === 0 ? sync.account_data : sync.rooms?.join?.[roomId]?.account_data
        return (data?.events ?? []).filter(({ type }: Json) => type === `org.example.${index}`)
      },
    }))
  }

  it('is gone for reads and first syncs, and told as empty to clients that had it', async () => {
    const alice = await (await shared()).register('alice')
    for (const { type, stored, removal, told } of await places(alice)) {
      for (const remove of [() => alice.delete(removal), () => alice.put(stored, {})]) {
        await alice.put(stored, { here: true })
        const before = await alice.sync()
        expect(told(before)).toEqual([{ type, content: { here: true } }])
        const { next_batch: since } = before
        await remove()
        expect(saidOf(await alice.request('GET', stored))).toEqual([404, 'M_NOT_FOUND'])
        expect(told(await alice.sync({ since }))).toEqual([{ type, content: {} }])
        expect(told(await alice.sync())).toEqual([])
        expect(told(await alice.sync({ since, full_state: true }))).toEqual([])
        const old = await alice.get('/_matrix/client/api/v1/initialSync')
        expect(JSON.stringify(old)).not.toContain(type)
      }
      const { next_batch: since } = await alice.sync()
      await alice.delete(removal)
      expect(told(await alice.sync({ since }))).toEqual([])
      await alice.put(stored, { back: 1 })
      expect(await alice.get(stored)).toEqual({ back: 1 })
      expect(told(await alice.sync())).toEqual([{ type, content: { back: 1 } }])
    }
  })

  it('is found among pages of long account data, and pages of removed entries hide none behind them', async () => {
    const alice = await (await shared()).register('pages')
    const data = `/v3/user/${enc(alice.userId)}/account_data`
    const { next_batch: since } = await alice.sync()
    const types = Array.from({ length: 230 }, (_, k) => `b.${String(k).padStart(3, '0')}`)
    for (const type of types) await alice.put(`${data}/${type}`, { x: 'y' })
    for (const type of types) await alice.put(`${data}/${type}`, {})
    await alice.put(`${data}/c.last`, { big: 'x'.repeat(300 * 1024) })
    const ours = ({ account_data }: Json) =>
      account_data.events.filter(({ type }: Json) => /^[bc]\./.test(type)).map(({ type }: Json) => type)
    expect(ours(await alice.sync())).toEqual(['c.last'])
    expect(ours(await alice.sync({ since }))).toEqual([...types, 'c.last'])
  })

  it('is refused for other users, types of the server and what is no type; what is not there is removed already', async () => {
    const server = await shared()
    const alice = await server.register('alice')
    const bob = await server.register('bob')
    const base = `/unstable/org.matrix.msc3391/user/${enc(alice.userId)}`
    const remove = async (path: string, who = alice) => saidOf(await who.request('DELETE', `${base}${path}`))
    expect(await remove('/account_data/a', bob)).toEqual([403, 'M_FORBIDDEN'])
    for (const type of ['m.push_rules', 'm.fully_read'])
      expect(await remove(`/account_data/${type}`)).toEqual([405, 'M_BAD_JSON'])
    for (const type of ['never.set', 'x'.repeat(256), enc('a\0b')])
      expect(await remove(`/account_data/${type}`)).toEqual([200, undefined])
    expect(await remove(`/rooms/${enc('!unknown:localhost')}/account_data/a`)).toEqual([200, undefined])
    expect(await remove('/rooms/nonsense/account_data/a')).toEqual([400, 'M_INVALID_PARAM'])
    expect((await alice.get('/versions')).unstable_features['org.matrix.msc3391']).toBe(true)
  })

  it('32 at once, half to set it and half to remove it, end in one of the two', async () => {
    const alice = await (await shared()).register('many')
    const [place] = await places(alice)
    if (place === undefined) throw new Error('there is no place')
    const { stored, removal, told } = place
    allDone(
      await Promise.all(
        each((n) => (n % 2 === 0 ? alice.request('PUT', stored, { body: { n } }) : alice.request('DELETE', removal))),
      ),
    )
    const { status } = await alice.request('GET', stored)
    expect(told(await alice.sync())).toHaveLength(status === 200 ? 1 : 0)
  })
})
