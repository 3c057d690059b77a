import { type Pending, silentLogger } from '#base'
import { type Config, loadConfig } from '#config'
import { Inboxes, noServersElsewhere } from '#domain'
import { type SigningKey, signingKeyFromSeed } from '#rules'
import type { ServerName, UserId } from '#spec'
import { writers } from '#store'
import { type Bus, type BusMessage, Streams } from '#streams'
import { buildPersonal, type Personal } from '../../src/app/compose/personal/personal.ts'
import { buildRooms, type RoomsDomain } from '../../src/app/compose/rooms/rooms.ts'
import { buildViews, type Views } from '../../src/app/compose/views/views.ts'
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
  | { readonly kind: 'news'; readonly message: BusMessage }

/** One process's end of the bus: it hears its own news at once, those of others when they arrive. */
class ProcessBus implements Bus {
  readonly #subscribers: ((message: BusMessage) => void)[] = []
  readonly #spread: (message: BusMessage) => void

  constructor(spread: (message: BusMessage) => void) {
    this.#spread = spread
  }

  publish(message: BusMessage): void {
    this.receive(message)
    this.#spread(message)
  }

  subscribe(receive: (message: BusMessage) => void): void {
    this.#subscribers.push(receive)
  }

  receive(message: BusMessage): void {
    for (const receive of this.#subscribers) receive(message)
  }
}

export interface ServerProcessParts {
  readonly name: string
  readonly path: string
  readonly time: VirtualTime
  readonly dice: Dice
  readonly gathersInserts: boolean
  /** Among those of the homeserver. */
  readonly number: number
  /** A group of this process was done, or refused. */
  readonly onAnswer: (from: ServerProcess, answer: GroupAnswer) => void
  /** The process tells the others. */
  readonly onNews: (from: ServerProcess, message: BusMessage) => void
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
  readonly #bus: ProcessBus

  private constructor(
    parts: ServerProcessParts,
    clock: ProcessClock,
    storage: ProcessStore,
    streams: Streams,
    bus: ProcessBus,
  ) {
    this.name = parts.name
    this.clock = clock
    this.storage = storage
    this.streams = streams
    this.#bus = bus
    const { store } = storage
    const random = seededRandom(parts.dice.fork())
    store.onCommitted(({ before, positions, announcements: news }) => {
      bus.publish({ kind: 'committed', before, positions, news })
    })
    this.personal = buildPersonal({ config, store, clock, logger: silentLogger }, streams)
    const stateLimits = { bytes: 16 * 1024 * 1024, entries: 25_000 }
    const names = { serverName: SERVER_NAME, defaultRoomVersion: '12' }
    const ground = {
      store,
      streams,
      clock,
      random,
      signingKey,
      stateLimits,
      logger: silentLogger,
      retention: undefined,
      bans: { bansUser: () => false, bansRoom: () => false, mind: () => {} },
      guards: { coming: async () => {}, creating: async () => {} },
      partialJoins: false,
      ...names,
    }
    const accounts = {
      profileOf: (userId: UserId) => this.personal.profiles.memberFields(userId),
      isGuest: async () => false,
      exists: async (userId: UserId) => (await store.accounts.account(userId)) !== undefined,
      refusesInvite: async () => false,
      speaksForServer: () => false,
    }
    this.rooms = buildRooms(ground, {
      accounts,
      followers: { carry: async () => {}, rest: async () => {} },
      joiningOf: () => ({ otherServers: noServersElsewhere }),
    })
    const { toDevice: reader, commit } = store
    const inboxes = new Inboxes({ reader, writer: writers.toDevice, commit, news: streams })
    const { ignoredUsers: ignored, invitePermissions: invites } = this.personal
    const checkpoints = { find: async () => undefined, put: async () => {} }
    const spaces = { space: async () => undefined }
    const history = { near: async () => false }
    this.views = buildViews(ground, { ...this.personal, inboxes, ignored, invites, spaces, history }, checkpoints)
  }

  static async start(parts: ServerProcessParts): Promise<ServerProcess> {
    const clock = new ProcessClock(parts.time)
    const made: { process?: ServerProcess } = {}
    const storage = new ProcessStore({
      path: parts.path,
      clock,
      dice: parts.dice.fork(),
      gathersInserts: parts.gathersInserts,
      onAnswer: (answer) => {
        if (made.process !== undefined) parts.onAnswer(made.process, answer)
      },
    })
    const bus = new ProcessBus((message) => {
      if (made.process !== undefined) parts.onNews(made.process, message)
    })
    const { store } = storage
    const durable = await store.positions()
    const { number } = parts
    const streams = new Streams({
      ...{ clock, bus, durable, process: number },
      readDurable: () => store.positions(),
      roomsAround: store.rooms.roomsAround,
    })
    made.process = new ServerProcess(parts, clock, storage, streams, bus)
    return made.process
  }

  receive(mail: Mail): void {
    if (mail.kind === 'answer') this.storage.hear(mail.answer)
    else this.#bus.receive(mail.message)
  }

  async kill(): Promise<void> {
    this.clock.stop()
    for (const pending of this.#waiting) pending.abandon()
    await this.storage.close()
  }
}
