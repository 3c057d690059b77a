import { expect, it } from 'vitest'
import { onPostgres } from '../../contract/databases.ts'
import type { Json } from '../../support/client.ts'
import { TwoProcesses } from '../../support/two-processes.ts'

const TIME_MS = 120_000

const numbers = (sync: Json): number[] => sync.to_device.events.map(({ content }: Json) => content.n)

/** Nothing carries news between these processes: each finds what it missed by the tokens that come to it. */
onPostgres('messages to devices, by two processes', () => {
  it(
    'are delivered and acknowledged by either, and sent once whichever is asked again',
    async () => {
      await using two = await TwoProcesses.start()
      const [alice, aliceThere] = await two.register('alice')
      const [bob, bobThere] = await two.register('bob')
      const { next_batch: begin } = await bobThere.sync()
      const send = (client: typeof alice, n: number) =>
        client.put(`/v3/sendToDevice/m.test/t${n}`, { messages: { [bob.userId]: { '*': { n } } } })
      await Promise.all([send(alice, 1), send(aliceThere, 1)])
      // A process hears of its own commits: each makes one, whichever of them sent the first message.
      await send(alice, 2)
      await send(aliceThere, 3)
      const first = await bob.sync({ since: begin })
      const second = await bobThere.sync({ since: begin })
      for (const sync of [first, second]) expect(numbers(sync)).toContain(1)
      expect(new Set(numbers(await bobThere.sync())).size).toBe(3)
      // Acknowledged at the one, gone at the other, which may still take the inbox for full.
      const { next_batch: later } = await bobThere.sync()
      expect(numbers(await bobThere.sync({ since: later }))).toEqual([])
      for (const client of [bob, bobThere]) expect(numbers(await client.sync())).toEqual([])
      await send(alice, 1)
      expect(numbers(await bob.sync({ since: later }))).toEqual([])
    },
    TIME_MS,
  )
})
