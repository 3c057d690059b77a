import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { grow, ratioOfCosts, repeatedly } from './grown.ts'

const MANY_ROOMS = 2_000
/** More than the server keeps of the newest events. */
const FAR = 11_000

describe('clients that come back behind', () => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let bob: TestClient
  let carol: TestClient
  let busy: string
  beforeAll(async () => {
    homeserver = await startHomeserver()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
    carol = await homeserver.register('carol')
    busy = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(busy)
    await carol.join(busy)
    const copied = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(copied)
    await alice.sendText(copied, 'hello')
    await grow(homeserver, (rows) => rows.copyRoom(copied, MANY_ROOMS))
  }, 120_000)
  afterAll(() => homeserver.stop())

  /** Bob has many rooms, Carol one. */
  const ratioOf = (below: number, tokens: { bob: string; carol: string }): Promise<number> =>
    ratioOfCosts(
      below,
      repeatedly(10, () => carol.sync({ since: tokens.carol })),
      repeatedly(10, () => bob.sync({ since: tokens.bob })),
    )

  const tokensNow = async () => ({
    bob: (await bob.sync({ filter: '{"room":{"timeline":{"limit":1}}}' })).next_batch,
    carol: (await carol.sync()).next_batch,
  })

  it('after a restart an incremental sync costs what changed, not the number of the user’s rooms', async () => {
    const tokens = await tokensNow()
    await alice.sendText(busy, 'news')
    await homeserver.restart()
    const answer = await bob.sync({ since: tokens.bob })
    expect(Object.keys(answer.rooms.join)).toEqual([busy])
    expect(answer.rooms.join[busy].timeline.events.map((event: { content: unknown }) => event.content)).toEqual([
      { msgtype: 'm.text', body: 'news' },
    ])
    await carol.sync({ since: tokens.carol })
    expect(await ratioOf(3, tokens)).toBeLessThan(3)
  }, 60_000)

  it('more than 10,000 events behind an incremental sync costs what changed, not the number of the user’s rooms', async () => {
    const tokens = await tokensNow()
    await alice.sendText(busy, 'news')
    await grow(homeserver, (rows) => rows.addMessages(busy, FAR))
    const answer = await bob.sync({ since: tokens.bob })
    expect(Object.keys(answer.rooms.join)).toEqual([busy])
    expect(answer.rooms.join[busy].timeline.limited).toBe(true)
    await carol.sync({ since: tokens.carol })
    // One step into an index for each room is left.
    expect(await ratioOf(15, tokens)).toBeLessThan(15)
  }, 60_000)
})
