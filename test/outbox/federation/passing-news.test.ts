import { describe, expect, test } from 'vitest'
import { silentLogger } from '#base'
import { ReceiptsOut } from '#outbox'
import type { EventId, ServerName } from '#spec'
import { writers } from '#store'
import { onEveryDatabase } from '../../contract/databases.ts'
import { ALICE } from '../../contract/room-fixtures.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { eventually, Network, OWN, openOut, Readable, roomWith } from './house.ts'

const NEAR = 'near.example' as ServerName
const AGAIN_MS = 5_000

onEveryDatabase('receipts for other servers', (open) => {
  /** Sending over a database of which one question fails. */
  const start = async (failing: 'serversOf' | 'since') => {
    const [store, network, clock, database] = [await open(), new Network(), new SteppedClock(), new Readable()]
    const out = await openOut(store, network, clock, {
      rooms: failing === 'serversOf' ? database.of(store.rooms, 'serversOf') : store.rooms,
      sources: (streams) => [
        new ReceiptsOut({
          ...{ own: OWN, clock, logger: silentLogger, streams, rooms: store.rooms },
          receipts: failing === 'since' ? database.of(store.receipts, 'since') : store.receipts,
        }),
      ],
    })
    out.start()
    const { room } = await roomWith(store, NEAR)
    const read = (eventId: EventId, eventPosition: number) =>
      store.commit([
        writers.receipts.move({
          ...{ room, userId: ALICE, type: 'm.read', threadId: undefined, eventId, eventPosition, atMs: 1 },
        }),
      ])
    const told = () => network.to(NEAR).flatMap(({ edus }) => edus)
    return { clock, database, out, read, told }
  }

  describe.each(['serversOf', 'since'] as const)('where %s fails for a while', (failing) => {
    test('are told after all, and so are those that follow', async () => {
      const { clock, database, out, read, told } = await start(failing)
      database.isRead = false
      await read('$one' as EventId, 1)
      await clock.timerBetween(AGAIN_MS - 1_000, AGAIN_MS)
      database.isRead = true
      clock.advance(AGAIN_MS)
      await eventually(() => expect(JSON.stringify(told())).toContain('$one'))
      await read('$two' as EventId, 2)
      await eventually(() => expect(JSON.stringify(told())).toContain('$two'))
      await out.stop()
    })
  })
})
