import { type Pending, silentLogger } from '#base'
import { type Config, loadConfig } from '#config'
import { type SigningKey, signingKeyFromSeed } from '#rules'
import type { ServerName, UserId } from '#spec'
import type { Committed } from '#store'
import { type Bus, InProcessBus, Streams } from '#streams'
import { buildPersonal, type Personal } from '../../src/app/compose/personal.ts'
import { buildRooms, type RoomsDomain } from '../../src/app/compose/rooms.ts'
import { buildViews, type Views } from '../../src/app/compose/views.ts'
import type { GroupAnswer } from '../../src/store/sql/engine/commit-queue.ts'
import type { Dice } from '../crash/dice.ts'
import { ProcessStore } from './process-store.ts'
import { seededRandom } from './seeded-random.ts'
import { ProcessClock, type VirtualTime } from './virtual-time.ts'

export const SERVER_NAME = 'sim.example' as ServerName

const seed = Buffer.alloc(32, 7).toString('base64').replace('=', '')
const parsedKey = signingKeyFromSeed('ed25519:1', SERVER_NAME, seed)
if (!parsedKey.ok) throw new Error('the seed is no key')
const signingKey: SigningKey = parsedKey.value

const configOf = (): Config =>
  loadConfig({
    file: {
      name: 'settings of the simulator',
      text: JSON.stringify({ server: { name: SERVER_NAME }, presence: { enabled: false } }),
    },
  })
const config = configOf()

/** Something that is on its way to a process. */
export type Mail =
  | { readonly kind: 'answer'; readonly answer: GroupAnswer }
  | { readonly kind: 'news'; readonly committed: Committed }

export interface ServerProcessParts {
  readonly name: string
  readonly path: string
  readonly time: VirtualTime
  readonly dice: Dice
  readonly gathersInserts: boolean
  readonly heldReads: number
  /** A group of this process was done, or refused. */
  readonly onAnswer: (from: ServerProcess, answer: GroupAnswer) => void
}

/** One life of one process: a restart is another one with the same name. */
export class ServerProcess {
  readonly name: string
  readonly clock: ProcessClock
  readonly storage: ProcessStore
  readonly streams: Streams
  readonly rooms: RoomsDomain
  readonly views: Views
  readonly personal: Personal
  /** What was sent to it and has not arrived. */
  readonly inbox: Mail[] = []
  readonly #waiting = new Set<Pending<string>>()
  readonly #bus: Bus

  private constructor(
    parts: ServerProcessParts,
    clock: ProcessClock,
    storage: ProcessStore,
    streams: Streams,
    bus: Bus,
  ) {
    this.name = parts.name
    this.clock = clock
    this.storage = storage
    this.streams = streams
    this.#bus = bus
    const { store } = storage
    const random = seededRandom(parts.dice.fork())
    store.onCommitted((committed) => this.#hear(committed))
    this.personal = buildPersonal({ config, store, clock, logger: silentLogger }, streams)
    const ground = { store, streams, clock, random, signingKey, serverName: SERVER_NAME, defaultRoomVersion: '12' }
    this.rooms = buildRooms(ground, {
      profileOf: (userId: UserId) => this.personal.profiles.memberFields(userId),
      isGuest: async () => false,
      exists: async (userId: UserId) => (await store.accounts.account(userId)) !== undefined,
      refusesInvite: async () => false,
    })
    this.views = buildViews(ground, { ...this.personal, ignored: this.personal.ignoredUsers })
  }

  static async start(parts: ServerProcessParts): Promise<ServerProcess> {
    const clock = new ProcessClock(parts.time)
    const made: { process?: ServerProcess } = {}
    const storage = new ProcessStore({
      path: parts.path,
      clock,
      dice: parts.dice.fork(),
      gathersInserts: parts.gathersInserts,
      heldReads: parts.heldReads,
      onAnswer: (answer) => {
        if (made.process !== undefined) parts.onAnswer(made.process, answer)
      },
    })
    const bus = new InProcessBus()
    const { store } = storage
    const durable = await store.positions()
    const streams = new Streams({ clock, bus, durable, readDurable: () => store.positions() })
    made.process = new ServerProcess(parts, clock, storage, streams, bus)
    return made.process
  }

  receive(mail: Mail): void {
    if (mail.kind === 'answer') this.storage.hear(mail.answer)
    else this.#hear(mail.committed)
  }

  #hear({ before, positions, announcements: news }: Committed): void {
    this.#bus.publish({ kind: 'committed', before, positions, news })
  }

  async kill(): Promise<void> {
    this.clock.stop()
    for (const pending of this.#waiting) pending.abandon()
    await this.storage.close()
  }
}
