import { FederationPeer } from '../../test/support/federation-peer/peer.ts'
import { serveRoom } from '../../test/support/federation-peer/resident.ts'
import type { TlsFiles } from '../../test/support/federation-servers.ts'
import { type Caller, enc } from '../growth/caller.ts'
import { nowMs, pauseMs } from '../measure/now.ts'
import type { Figure } from '../sliding/sliding.ts'
import { FederatedServer } from './federated-server.ts'

/** The most that one transaction may hold. */
const EVENTS_A_TRANSACTION = 50
const GIVEN_UP_MS = 120_000

/** Messages of another server, in full transactions one after the other: until the last of them is in the room. */
export const incoming = async (events: number, tls: TlsFiles): Promise<readonly Figure[]> => {
  await using peer = await FederationPeer.start()
  const room = peer.createRoom()
  serveRoom(peer, room)
  const server = await FederatedServer.create('first.example', tls)
  try {
    await server.start({ 'peer.example': peer.address })
    peer.knows('first.example', server.address)
    const user = server.server.caller()
    await user.register('joining')
    await user.post(`/join/${enc(room.roomId)}?via=peer.example`)
    const send = async (count: number): Promise<{ readonly wallMs: number; readonly cpuMs: number }> => {
      const sent = Array.from({ length: count }, (_, index) =>
        room.send({
          type: 'm.room.message',
          content: { msgtype: 'm.text', body: `message ${index} of those to come` },
        }),
      )
      const [startedMs, before] = [nowMs(), server.server.cpuMs()]
      for (let from = 0; from < count; from += EVENTS_A_TRANSACTION) {
        const pdus = sent.slice(from, from + EVENTS_A_TRANSACTION).map(({ pdu }) => pdu)
        const { status, text } = await peer.sendTransaction('first.example', pdus)
        if (status !== 200) throw new Error(`a transaction was answered ${status}: ${text.slice(0, 200)}`)
      }
      await arrival(user, room.roomId, sent.at(-1)?.eventId ?? '')
      return { wallMs: nowMs() - startedMs, cpuMs: server.server.cpuMs() - before }
    }
    await send(events / 4)
    await server.watched()
    const { wallMs, cpuMs } = await send(events)
    const { longestMs } = await server.watched()
    return [
      { name: 'events from outside, a second', value: ((events / wallMs) * 1_000).toFixed(0) },
      { name: 'an event from outside, processor time', value: `${((cpuMs / events) * 1_000).toFixed(0)} µs` },
      { name: 'events from outside: longest step of the event loop', value: `${longestMs.toFixed(0)} ms` },
    ]
  } finally {
    await server.server.discard()
  }
}

const arrival = async (user: Caller, roomId: string, eventId: string): Promise<void> => {
  const startedMs = nowMs()
  for (;;) {
    try {
      await user.get(`/rooms/${enc(roomId)}/event/${enc(eventId)}`)
      return
    } catch (error) {
      if (nowMs() - startedMs > GIVEN_UP_MS) throw error
      await pauseMs(10)
    }
  }
}
