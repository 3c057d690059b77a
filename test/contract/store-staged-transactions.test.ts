import { expect, it } from 'vitest'
import type { EventId, RoomId, ServerName } from '#spec'
import { type ReceivedTransaction, type StagedPdu, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const PEER = 'peer.example' as ServerName
const OTHER = 'other.example' as ServerName
const ROOM = '!room:peer.example' as RoomId

const pdu = (name: string, origin = PEER): StagedPdu => ({
  ...{ origin, roomId: ROOM, eventId: `$${name}` as EventId, pduJson: `{"name":"${name}"}` },
})
const transaction = (txnId: string, parts: Partial<ReceivedTransaction> = {}): ReceivedTransaction => ({
  ...{ origin: PEER, txnId, answerJson: '{"pdus":{}}', receivedMs: 1_000, pdus: [], edus: [], ...parts },
})

onEveryDatabase('staged transactions', (open) => {
  it('are stored whole and once, in the order in which they came', async () => {
    const store = await open()
    const edus = [{ origin: PEER, type: 'm.test', contentJson: '{}' }]
    await store.commit([writers.stagedTransactions.receive(transaction('1', { pdus: [pdu('b'), pdu('a')], edus }))])
    await expect(
      store.commit([writers.stagedTransactions.receive(transaction('1', { pdus: [pdu('c')] }))]),
    ).rejects.toMatchObject({ kind: 'transaction-received' })
    await store.commit([
      writers.stagedTransactions.receive(transaction('1', { origin: OTHER, pdus: [pdu('a', OTHER)] })),
    ])
    await store.commit([writers.stagedTransactions.receive(transaction('2', { pdus: [pdu('a'), pdu('d')] }))])
    const staged = await store.stagedTransactions.stagedPdus(ROOM, 10)
    expect(staged.map(({ eventId, origin }) => `${eventId} ${origin}`)).toEqual([
      '$b peer.example',
      '$a peer.example',
      '$a other.example',
      '$d peer.example',
    ])
    expect(await store.stagedTransactions.answerTo(PEER, '1')).toBe('{"pdus":{}}')
    expect(await store.stagedTransactions.answerTo(PEER, '3')).toBeUndefined()
    expect(await store.stagedTransactions.stagedRooms()).toEqual(
      expect.arrayContaining([
        { roomId: ROOM, origin: PEER, pdus: 3 },
        { roomId: ROOM, origin: OTHER, pdus: 1 },
      ]),
    )
    expect(await store.stagedTransactions.stagedOrigins()).toEqual([{ origin: PEER, edus: 1 }])
    const [edu] = await store.stagedTransactions.stagedEdus(PEER, 10)
    const [first, second] = staged.map((row) => row.staged)
    if (first === undefined || second === undefined || edu === undefined) throw new Error('nothing staged')
    await store.commit([
      writers.stagedTransactions.removePdus([first]),
      writers.stagedTransactions.countTries('pdus', [second]),
      writers.stagedTransactions.removeEdus([edu.staged]),
    ])
    expect((await store.stagedTransactions.stagedPdus(ROOM, 1))[0]).toMatchObject({ eventId: '$a', tries: 1 })
    expect(await store.stagedTransactions.stagedEdus(PEER, 10)).toEqual([])
  })

  it('are forgotten after a while, a number at a time', async () => {
    const store = await open()
    for (const [index, txnId] of ['1', '2', '3'].entries()) {
      await store.commit([writers.stagedTransactions.receive(transaction(txnId, { receivedMs: 1_000 + index }))])
    }
    expect(await store.commit([writers.stagedTransactions.forget(1_002, 1)])).toEqual([1])
    expect(await store.stagedTransactions.answerTo(PEER, '1')).toBeUndefined()
    expect(await store.commit([writers.stagedTransactions.forget(1_002, 10)])).toEqual([1])
    expect(await store.stagedTransactions.answerTo(PEER, '3')).toBeDefined()
  })
})

onEveryDatabase('events that could not be had', (open) => {
  it('wait longer after each failure, and are forgotten when they came', async () => {
    const store = await open()
    const [a, b] = ['$a' as EventId, '$b' as EventId]
    const fail = (nowMs: number, eventIds: readonly EventId[]) =>
      store.commit([writers.failedPulls.failed({ server: PEER, eventIds, nowMs, waitMs: 100, maxWaitMs: 350 })])
    await fail(1_000, [a, b])
    await fail(2_000, [a])
    await fail(3_000, [a])
    const failures = await store.failedPulls.failedPulls(PEER, [a, b])
    expect(new Map(failures.map((each) => [each.eventId, [each.tries, each.untilMs]]))).toEqual(
      new Map([
        [a, [3, 3_350]],
        [b, [1, 1_100]],
      ]),
    )
    expect(await store.failedPulls.failedPulls(OTHER, [a, b])).toEqual([])
    await store.commit([writers.failedPulls.came([a])])
    expect((await store.failedPulls.failedPulls(PEER, [a, b])).map(({ eventId }) => eventId)).toEqual([b])
    expect(await store.commit([writers.failedPulls.forget(1_101, 10)])).toEqual([1])
  })
})
