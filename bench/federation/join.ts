import { FederationPeer } from '../../test/support/federation-peer/peer.ts'
import type { TlsFiles } from '../../test/support/federation-servers.ts'
import { type Caller, enc } from '../growth/caller.ts'
import { nowMs, pauseMs } from '../measure/now.ts'
import type { Figure } from '../sliding/sliding.ts'
import { FederatedServer } from './federated-server.ts'
import { type LargeRoom, largeRoom } from './large-room.ts'
import { serveLargeRoom } from './resident.ts'

const MEBIBYTE = 1024 * 1024
const USABLE_MS = 5_000
const COMPLETE_MS = 90_000
const LONGEST_STEP_MS = 50
const MAX_RSS_BYTES = 400 * MEBIBYTE
const GIVEN_UP_MS = 600_000

export interface JoinSize {
  readonly members: number
  readonly entries: number
}

/** A homeserver joins a large room of a server that answers from memory; then another one joins it through that homeserver. */
export const joins = async (
  { members, entries }: JoinSize,
  tls: TlsFiles,
  progress: (line: string) => void,
): Promise<readonly Figure[]> => {
  await using peer = await FederationPeer.start()
  progress(`  ${members} members, ${entries} entries`)
  const room = largeRoom(peer.key, members, entries)
  serveLargeRoom(peer, room)
  const first = await FederatedServer.create('first.example', tls)
  const second = await FederatedServer.create('second.example', tls)
  try {
    const places = { 'peer.example': peer.address, 'first.example': first.address, 'second.example': second.address }
    await first.start(places)
    peer.knows('first.example', first.address)
    peer.knows('second.example', second.address)
    const fromPeer = await join(first, room, 'peer.example', members + 1)
    await second.start(places)
    const fromHomeroom = await join(second, room, 'first.example', members + 2)
    return [...figuresOf('from memory', fromPeer), ...figuresOf('from another Homeroom', fromHomeroom)]
  } finally {
    await first.server.discard()
    await second.server.discard()
  }
}

interface Joined {
  readonly usableMs: number
  readonly completeMs: number
  readonly longestMs: number
  readonly peakRss: number
}

const join = async (joining: FederatedServer, room: LargeRoom, via: string, members: number): Promise<Joined> => {
  const user = joining.server.caller()
  await user.register('joining')
  await joining.watched()
  const startedMs = nowMs()
  await user.post(`/join/${enc(room.roomId)}?via=${via}`)
  await user.send(room.roomId, 'hello')
  await user.sync(`filter=${enc(JSON.stringify({ room: { state: { lazy_load_members: true } } }))}`)
  const usableMs = nowMs() - startedMs
  while ((await joinedMembers(user, room)) < members) {
    if (nowMs() - startedMs > GIVEN_UP_MS) throw new Error('the room never was complete')
    await pauseMs(200)
  }
  const completeMs = nowMs() - startedMs
  return { usableMs, completeMs, ...(await joining.watched()) }
}

const joinedMembers = async (user: Caller, room: LargeRoom): Promise<number> => {
  const { joined } = await user.get(`/rooms/${enc(room.roomId)}/joined_members`)
  return Object.keys(joined as object).length
}

const figuresOf = (from: string, { usableMs, completeMs, longestMs, peakRss }: Joined): readonly Figure[] => [
  figure(`join ${from}: usable after`, usableMs, USABLE_MS, seconds),
  figure(`join ${from}: complete after`, completeMs, COMPLETE_MS, seconds),
  figure(`join ${from}: longest step of the event loop`, longestMs, LONGEST_STEP_MS, (ms) => `${ms.toFixed(0)} ms`),
  figure(`join ${from}: memory`, peakRss, MAX_RSS_BYTES, (bytes) => `${(bytes / MEBIBYTE).toFixed(0)} MiB`),
]

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`

const figure = (name: string, value: number, bound: number, show: (value: number) => string): Figure => ({
  name,
  value: show(value),
  bound: `at most ${show(bound)}`,
  failed: value > bound,
})
