import { it } from 'vitest'
import type { TestClient } from '../support/client.ts'
import {
  BOTH_WAYS,
  eventArrives,
  membershipBecomes,
  type Pair,
  roomsBecomeEqual,
  type SideName,
  stateBecomes,
  withSynapse,
} from './synapse/pair.ts'

/** By hand more: `HOMEROOM_TEST_SECONDS`. */
const SECONDS = Number(process.env.HOMEROOM_TEST_SECONDS ?? 15)
const MISSED = 30
const AT_ONCE = 8

const whileAway = async ({ homeroom, synapse }: Pair, side: SideName, work: () => Promise<void>): Promise<void> => {
  if (side === 'Homeroom') return homeroom.whileStopped(work)
  await synapse.halt()
  await work()
  await synapse.run()
}

/** Says and changes some things one after the other; answers with the last event. */
const busy = async (client: TestClient, roomId: string): Promise<string> => {
  let last = ''
  for (let done = 0; done < AT_ONCE; done++)
    last =
      done % 4 === 3 ? await setsSomething(client, roomId) : await client.sendText(roomId, `${client.userId} ${done}`)
  return last
}

let count = 0
const setsSomething = (client: TestClient, roomId: string): Promise<string> => {
  const value = `${client.userId} ${++count}`
  if (count % 3 === 0) return client.setState(roomId, 'm.room.topic', '', { topic: value })
  return client.setState(roomId, 'org.example.state', `key ${count % 3}`, { value })
}

withSynapse('Homeroom and Synapse, of which one is away or both are busy', (pair) => {
  for (const [maker, joiner] of BOTH_WAYS) {
    const share = async (version: string) => {
      const alice = await pair().side(maker).register('alice')
      const bob = await pair().side(joiner).register('bob')
      const users = { [alice.userId]: 100, [bob.userId]: 100 }
      const levels = { users: version === '12' ? { [bob.userId]: 100 } : users }
      const roomId = await alice.createRoom({
        ...{ room_version: version, preset: 'public_chat', room_alias_name: `away-${joiner}-${version}`.toLowerCase() },
        power_level_content_override: levels,
      })
      await bob.join(`#away-${joiner}-${version}:${pair().side(maker).serverName}`.toLowerCase())
      await membershipBecomes(alice, roomId, bob.userId, 'join')
      return { alice, bob, roomId }
    }

    it(`${joiner} was away, and gets all that was said and changed on ${maker} meanwhile`, async () => {
      const { alice, bob, roomId } = await share('11')
      let last = ''
      await whileAway(pair(), joiner, async () => {
        for (let count = 0; count < MISSED; count++) last = await alice.sendText(roomId, `missed ${count}`)
        await alice.setState(roomId, 'm.room.topic', '', { topic: 'while away' })
        last = await alice.sendText(roomId, 'the last one')
      })
      // Whoever was away is heard of by what it sends.
      const back = await bob.sendText(roomId, 'back')
      await eventArrives(alice, roomId, back)
      await eventArrives(bob, roomId, last)
      await stateBecomes(bob, roomId, ['m.room.topic', ''], (content) => content?.topic === 'while away')
      await roomsBecomeEqual(alice, bob, roomId)
    })

    it.each(['10', '12'])(
      `both write at once in a room of version %s that ${maker} made`,
      { timeout: 105_000 + SECONDS * 1_000 },
      async (version) => {
        const { alice, bob, roomId } = await share(version)
        const until = Date.now() + SECONDS * 1_000
        while (Date.now() < until) {
          const [one, other] = await Promise.all([busy(alice, roomId), busy(bob, roomId)])
          await eventArrives(bob, roomId, one)
          await eventArrives(alice, roomId, other)
        }
        await roomsBecomeEqual(alice, bob, roomId)
      },
    )
  }
})
