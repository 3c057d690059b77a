import { expect, it } from 'vitest'
import type { JsonValue } from '#spec'
import type { Json, TestClient } from '../../../support/client.ts'
import { withPeer } from './with-peer.ts'

const direct = (content: Json): Json => ({
  edu_type: 'm.direct_to_device',
  content: { sender: '@them:peer.example', type: 'm.test', message_id: 'one', ...content },
})

/** All messages from a place up to the one that says so. */
const upTo = async (client: TestClient, since: string, last: unknown): Promise<Json[]> => {
  const got: Json[] = []
  for (let from = since; got.at(-1)?.content.n !== last; ) {
    const sync = await client.syncUntil(from, ({ to_device }) => to_device.events.length > 0)
    got.push(...sync.to_device.events)
    from = sync.next_batch
  }
  return got
}

const databases = process.env.HOMEROOM_TEST_POSTGRES ? (['sqlite', 'postgres'] as const) : (['sqlite'] as const)

it.each(databases)('a message of another server is delivered once, however often it is sent (%s)', async (database) => {
  await using both = await withPeer({ database })
  const { peer, server } = both
  const bob = await server.register('bob')
  const laptop = await bob.loginAgain()
  const since = (await bob.sync()).next_batch
  const laptops = (await laptop.sync()).next_batch
  const send = (content: Json) => peer.sendTransaction('first.example', [], { edus: [direct(content)] })
  const one = { messages: { [bob.userId]: { [bob.deviceId]: { n: 1 } } } }
  for (let i = 0; i < 3; i++) expect((await send(one)).status).toBe(200)
  await send({ message_id: 'two', messages: { [bob.userId]: { '*': { n: 2 } } } })
  expect(await upTo(bob, since, 2)).toEqual(
    [1, 2].map((n) => ({ type: 'm.test', sender: '@them:peer.example', content: { n } })),
  )
  expect((await upTo(laptop, laptops, 2)).map(({ content }) => content.n)).toEqual([2])
  // Not after a restart either.
  await server.restart()
  const later = (await bob.sync({ since })).next_batch
  await send(one)
  await send({ message_id: 'three', messages: { [bob.userId]: { [bob.deviceId]: { n: 3 } } } })
  expect((await upTo(bob, later, 3)).map(({ content }) => content.n)).not.toContain(1)
})

it('what is malformed, of others or too large is passed over, and the rest of it and of the transaction is taken', async () => {
  await using both = await withPeer()
  const { peer, server } = both
  const bob = await server.register('bob')
  const since = (await bob.sync()).next_batch
  const messages = { [bob.userId]: { [bob.deviceId]: { n: 'wrong' } } }
  const edus: JsonValue[] = [
    direct({ messages, sender: bob.userId }),
    direct({ messages, sender: '@x:elsewhere.example' }),
    direct({ messages, sender: 7 }),
    direct({ messages, type: 'x'.repeat(1_000) }),
    direct({ messages, type: 'a\u0000b' }),
    direct({ messages, message_id: undefined }),
    direct({ messages: 'x' }),
    direct({
      message_id: 'two',
      messages: { [bob.userId]: 'x', [bob.deviceId]: {}, '@x:elsewhere.example': { '*': {} } },
    }),
    direct({
      message_id: 'three',
      messages: {
        [bob.userId]: { [bob.deviceId]: { n: 'right' }, '*': { n: 'x'.repeat(70_000) }, X: 7 },
        '@n:first.example': {},
      },
    }),
    direct({ message_id: 'four', messages: { [bob.userId]: { [bob.deviceId]: { n: '\u0000' } } } }),
  ]
  expect((await peer.sendTransaction('first.example', [], { edus })).status).toBe(200)
  const last = { [bob.userId]: { [bob.deviceId]: { n: 'last' } } }
  await peer.sendTransaction('first.example', [], { edus: [direct({ message_id: 'five', messages: last })] })
  const got = await upTo(bob, since, 'last')
  expect(got.map(({ content }) => content.n)).toEqual(['right', '\u0000', 'last'])
})
