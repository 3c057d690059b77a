import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Json, TestClient } from '../../support/client.ts'
import { FederationPeer } from '../../support/federation-peer/peer.ts'
import type { PeerEvent, PeerRoom } from '../../support/federation-peer/peer-room.ts'
import { serveRoom } from '../../support/federation-peer/resident.ts'
import { joinRoom } from '../../support/federation-peer/visitor.ts'
import { ownAddress, type TlsFiles, writeTlsFiles } from '../../support/federation-servers.ts'
import { scratchFolder } from '../../support/scratch.ts'
import { CHEAP_PASSWORDS, ServerProcess } from '../../support/server-process.ts'

const enc = encodeURIComponent
export const HOME = 'first.example'
/** Normal is some milliseconds; the machines that run tests are loaded. */
const NORMAL_MS = 3_000
const MAX_RSS_BYTES = 450 * 1024 ** 2

/** A homeserver in a process of its own, an honest peer and a hostile one, and a room in which all three are. */
export class Besieged {
  readonly server: ServerProcess
  readonly hostile: FederationPeer
  readonly honest: FederationPeer
  readonly alice: TestClient
  readonly #folder: string
  readonly #tls: TlsFiles
  #marks = 0

  private constructor(parts: Pick<Besieged, 'server' | 'hostile' | 'honest' | 'alice'>, folder: string, tls: TlsFiles) {
    this.server = parts.server
    this.hostile = parts.hostile
    this.honest = parts.honest
    this.alice = parts.alice
    this.#folder = folder
    this.#tls = tls
  }

  static async start(): Promise<Besieged> {
    const folder = scratchFolder('besieged')
    const tls = writeTlsFiles()
    const { host, port } = await ownAddress()
    const hostile = await FederationPeer.start({ name: 'hostile.example' })
    const honest = await FederationPeer.start({ name: 'peer.example' })
    const server = new ServerProcess({
      dataFolder: join(folder, 'data'),
      flags: [
        '--server-name',
        HOME,
        '--host',
        host,
        '--tls-port',
        `${port}`,
        '--tls-cert',
        tls.cert,
        '--tls-key',
        tls.key,
      ],
      env: {
        ...CHEAP_PASSWORDS,
        HOMEROOM_FEDERATION_ADDRESSES: `hostile.example=${hostile.address},peer.example=${honest.address}`,
        HOMEROOM_FEDERATION_CA: tls.ca,
      },
    })
    const alice = new TestClient(await server.ready())
    await alice.register('alice')
    for (const peer of [hostile, honest]) peer.knows(HOME, `${host}:${port}`)
    return new Besieged({ server, hostile, honest, alice }, folder, tls)
  }

  /** A new room of alice's, as the hostile and the honest peer know it; the hostile one has the power to send state. */
  async room(version = '11', setup: Json = {}): Promise<SharedRoom> {
    const roomId = await this.alice.createRoom({ preset: 'public_chat', room_version: version, ...setup })
    const hostile = await joinRoom(this.hostile, HOME, roomId)
    const honest = await joinRoom(this.honest, HOME, roomId)
    for (const [peer, room] of [
      [this.hostile, hostile],
      [this.honest, honest],
    ] as const)
      serveRoom(peer, room)
    // The hostile one joined first, and learns of the other as servers do.
    await this.hostile.pduWhich((pdu) => pdu.room_id === roomId && pdu.state_key === honest.sender)
    const levels = await this.alice.getState(roomId, 'm.room.power_levels')
    const raised = await this.alice.setState(roomId, 'm.room.power_levels', '', {
      ...levels,
      users: { ...levels.users, [hostile.sender]: 50 },
    })
    for (const peer of [this.hostile, this.honest])
      await peer.requestWhich(() =>
        (peer === this.hostile ? hostile : honest).events.has(raised as PeerEvent['eventId']),
      )
    return { roomId, hostile, honest }
  }

  /** The hostile peer sends these; answers with what the server says of each. */
  async attack(pdus: readonly Json[], edus: readonly Json[] = []): Promise<Json> {
    const { body } = await this.hostile.sendTransaction(HOME, pdus, { edus })
    return body
  }

  /** Whether the server has the event in its history. */
  async has(roomId: string, eventId: string): Promise<boolean> {
    return (await this.alice.request('GET', `/v3/rooms/${enc(roomId)}/event/${enc(eventId)}`)).status === 200
  }

  /** In the room, in another one and for its clients, all goes on as before; and the server has not grown. */
  async isWhole({ roomId, honest }: SharedRoom): Promise<void> {
    const mark = `mark ${this.#marks++}`
    const begun = Date.now()
    const own = await this.alice.sendText(roomId, mark)
    await this.honest.pduWhich((pdu) => pdu.room_id === roomId && pdu.content?.body === mark, NORMAL_MS)
    const theirs = honest.send({ type: 'm.room.message', content: { msgtype: 'm.text', body: `${mark} too` } })
    await this.honest.sendTransaction(HOME, [theirs.pdu])
    await expect.poll(() => this.has(roomId, theirs.eventId), { timeout: NORMAL_MS, interval: 25 }).toBe(true)
    // What was attacked with may be many events, and still be coming.
    const filter = JSON.stringify({ room: { timeline: { limit: 900 } } })
    const idsNow = async (): Promise<string[]> => {
      const { rooms } = await this.alice.sync({ timeout: 0, filter })
      return rooms.join[roomId].timeline.events.map(({ event_id }: Json) => event_id)
    }
    // An event can be read from the moment in which it is stored; its news reaches /sync right after that.
    await expect.poll(idsNow, { timeout: NORMAL_MS }).toEqual(expect.arrayContaining([own, theirs.eventId]))
    const ids = await idsNow()
    expect(ids.indexOf(own)).toBeLessThan(ids.indexOf(theirs.eventId))
    const elsewhere = await this.alice.createRoom()
    await this.alice.sendText(elsewhere, mark)
    expect(Date.now() - begun).toBeLessThan(2 * NORMAL_MS)
    expect(this.rssBytes()).toBeLessThan(MAX_RSS_BYTES)
    expect(this.server.errors).not.toMatch(/unhandled|uncaught/i)
  }

  rssBytes(): number {
    const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.server.pid}/status`, 'utf8'))?.[1]
    return Number(kib) * 1024
  }

  /** Requests of that kind that the server made to the hostile peer. */
  asked(part: string): number {
    return this.hostile.received.filter(({ path }) => path.includes(part)).length
  }

  async stop(): Promise<void> {
    await this.server.kill()
    await this.hostile[Symbol.asyncDispose]()
    await this.honest[Symbol.asyncDispose]()
    this.#tls.discard()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

export interface SharedRoom {
  readonly roomId: string
  readonly hostile: PeerRoom
  readonly honest: PeerRoom
}
