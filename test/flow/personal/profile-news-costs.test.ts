import pg from 'pg'
import { expect, it } from 'vitest'
import { onPostgres } from '../../contract/databases.ts'
import type { Json } from '../../support/client.ts'
import { startHomeserver } from '../../support/homeserver.ts'

const STATUS = 'org.matrix.msc4426.status'
const QUIET = { presence: { types: [] } }
const FILTER = JSON.stringify(QUIET)
const ASKING = JSON.stringify({ ...QUIET, 'org.matrix.msc4429.profile_fields': { ids: [STATUS] } })

/** The fewest statements that this process sends while `work` is done, of three times: what the server does by itself now and then falls into one of them at most. */
const statementsOf = async (work: () => Promise<unknown>): Promise<number> => {
  const sent: number[] = []
  for (let time = 0; time < 3; time++) sent.push(await statementsOfOne(work))
  return Math.min(...sent)
}

const statementsOfOne = async (work: () => Promise<unknown>): Promise<number> => {
  const { query } = pg.Client.prototype
  let sent = 0
  pg.Client.prototype.query = function (this: pg.Client, ...given: never[]) {
    sent++
    return Reflect.apply(query, this, given)
  } as typeof query
  try {
    await work()
  } finally {
    pg.Client.prototype.query = query
  }
  return sent
}

onPostgres('profiles in /sync', () => {
  it('cost clients nothing that do not ask for them, and little those that do', async () => {
    await using homeserver = await startHomeserver({ database: 'postgres' })
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const stranger = await homeserver.register('stranger')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const costs: Record<string, number> = {}
    for (const [name, filter] of Object.entries({ plain: FILTER, asking: ASKING })) {
      const first = await alice.sync({ filter })
      const sync = (): Promise<Json> => alice.sync({ filter, since: first.next_batch })
      await sync()
      costs[`${name}, idle`] = await statementsOf(sync)
      await stranger.setProfileField(STATUS, name)
      costs[`${name}, a stranger's change`] = await statementsOf(sync)
      await bob.sendText(roomId, 'hello')
      await sync()
      costs[`${name}, a message`] = await statementsOf(sync)
      await bob.setProfileField(STATUS, name)
      costs[`${name}, a change`] = await statementsOf(sync)
    }
    const { 'asking, a change': ofChange, ...others } = costs
    expect(new Set(Object.values(others))).toEqual(new Set([0]))
    expect(ofChange).toBeLessThanOrEqual(7)
  })
  it('ask once who came and who went, for them and for lists of devices', async () => {
    await using homeserver = await startHomeserver({ database: 'postgres' })
    const alice = await homeserver.register('alice')
    const carol = await homeserver.register('carol')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const costs: number[] = []
    for (const filter of [FILTER, ASKING]) {
      const first = await alice.sync({ filter })
      const sync = (): Promise<Json> => alice.sync({ filter, since: first.next_batch })
      await carol.join(roomId)
      expect((await sync()).device_lists.changed).toEqual([carol.userId])
      costs.push(await statementsOf(sync))
      await carol.post(`/v3/rooms/${encodeURIComponent(roomId)}/leave`)
    }
    const [plain = 0, asking = 0] = costs
    expect(plain).toBeGreaterThan(0)
    expect(asking - plain).toBeLessThanOrEqual(5)
  })
})
