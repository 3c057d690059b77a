import { expect } from 'vitest'
import type { Json, TestClient } from '../../../support/client.ts'
import type { TestHomeserver } from '../../../support/homeserver.ts'
import { type Form, SlidingConnection, type SlidingWish } from '../connection.ts'
import { expectView } from './expectations.ts'
import { TrueRoom } from './truth.ts'
import { View } from './view.ts'
import { wishOf } from './wishes.ts'

const enc = encodeURIComponent

export const KINDS = [
  'send',
  'state',
  'mine',
  'others',
  'data',
  'roomData',
  'receipt',
  'typing',
  'config',
  'rest',
  'sync',
  'lost',
  'restart',
  'anew',
] as const

/** Numbers that a step takes what it needs from. */
export interface Step {
  readonly kind: (typeof KINDS)[number]
  readonly room: number
  readonly who: number
  readonly how: number
}

const ROOMS = 4
/** Longer than any run. */
const TYPING_MS = 600_000

/** A reader with one connection, two others, some rooms; and the plain truth about all of it. */
export class World {
  readonly #homeserver: TestHomeserver
  readonly #form: Form
  readonly #reader: TestClient
  readonly #alice: TestClient
  readonly #bob: TestClient
  readonly #rooms: TrueRoom[] = []
  readonly #global = new Map<string, Json>()
  #direct = new Set<string>()
  #due = new Set<string>()
  readonly #left = new Set<string>()
  #view: View
  #wish: SlidingWish
  #connections = 0
  #places = 0
  #names = 0
  /** The newest position that the server must not take any more. */
  #outdated: string | undefined

  private constructor(homeserver: TestHomeserver, form: Form, people: readonly [TestClient, TestClient, TestClient]) {
    this.#homeserver = homeserver
    this.#form = form
    ;[this.#reader, this.#alice, this.#bob] = people
    this.#wish = wishOf(0, 0, [])
    this.#view = this.#anew()
  }

  static async make(homeserver: TestHomeserver, form: Form): Promise<World> {
    const [reader, alice, bob] = [
      await homeserver.register('rita'),
      await homeserver.register('alice'),
      await homeserver.register('bob'),
    ]
    const world = new World(homeserver, form, [reader, alice, bob])
    for (let made = 0; made < ROOMS; made++) await world.#makeRoom(made)
    return world
  }

  async take(step: Step): Promise<void> {
    await this.#do(step, this.#rooms[step.room % ROOMS] as TrueRoom)
  }

  /** Asks until nothing new comes, and compares. */
  async rest(why: string): Promise<void> {
    for (let round = 0; await this.#sync(); round++) if (round > 20) throw new Error(`there is always news ${why}`)
    const reader = { userId: this.#reader.userId, global: this.#global, direct: this.#direct }
    const rooms = this.#rooms
    const inScope = expectView({
      view: this.#view,
      wish: this.#wish,
      rooms,
      reader,
      due: this.#due,
      left: this.#left,
      why,
    })
    // A client does not show who types where it hears no more of it.
    for (const roomId of this.#view.typing.keys()) if (!inScope.has(roomId)) this.#view.typing.delete(roomId)
  }

  #anew(): View {
    this.#due.clear()
    this.#left.clear()
    this.#outdated = undefined
    return new View(new SlidingConnection(this.#reader, this.#form, `c${this.#connections++ % 2}`))
  }

  /** One request; whether its answer told anything. */
  async #sync(): Promise<boolean> {
    const { connection } = this.#view
    const before = connection.pos
    const told = this.#view.take(await connection.next(this.#wish), this.#wish)
    if (before !== connection.pos && this.#outdated !== undefined && before !== undefined) {
      const { status, body } = await connection.ask(this.#wish, this.#outdated)
      expect([status, body.errcode], 'an outdated position').toEqual([400, 'M_UNKNOWN_POS'])
    }
    this.#outdated = before
    return told
  }

  async #makeRoom(number: number): Promise<void> {
    const roomId = await this.#alice.createRoom({ preset: 'public_chat', name: `room ${number}` })
    const room = new TrueRoom(roomId)
    const { chunk } = await this.#alice.messages(roomId, { dir: 'f', limit: 100 })
    for (const { event_id: id, type, state_key: stateKey, sender, content } of chunk)
      room.add({ id, type, stateKey, sender, place: ++this.#places }, content)
    this.#rooms.push(room)
    await this.#bob.join(roomId)
    this.#member(room, this.#bob.userId, 'join')
    if (number % 2 === 0) await this.#become(room, 'join')
  }

  #member(room: TrueRoom, userId: string, membership: string, sender = userId): void {
    const event = { id: undefined, type: 'm.room.member', stateKey: userId, sender, place: ++this.#places }
    room.add(event, { membership })
  }

  async #do(step: Step, room: TrueRoom): Promise<void> {
    const { kind, how } = step
    switch (kind) {
      case 'send':
        return this.#send(step, room)
      case 'state':
        return this.#state(how, room)
      case 'mine':
        return this.#mine(how, room)
      case 'others':
        return this.#others(room)
      case 'data':
        return this.#data(how, room)
      case 'roomData':
        return this.#roomData(how, room)
      case 'receipt':
        return this.#receipt(step, room)
      case 'typing':
        return this.#typing(step, room)
      case 'config':
        this.#wish = wishOf(
          how * 7 + step.who,
          step.room + how,
          this.#rooms.map(({ id }) => id),
        )
        return
      case 'rest':
        return this.rest(`after ${JSON.stringify(step)}`)
      case 'sync':
        await this.#sync()
        return
      case 'lost':
        expect((await this.#view.connection.ask(this.#wish)).status).toBe(200)
        return
      case 'restart':
        await this.#homeserver.restart()
        for (const each of this.#rooms) each.typing.clear()
        return
      case 'anew':
        this.#view = this.#anew()
        return
    }
  }

  #speaker({ who }: Step, room: TrueRoom): TestClient | undefined {
    const speaker = [this.#alice, this.#bob, this.#reader][who % 3] as TestClient
    return room.members.get(speaker.userId) === 'join' ? speaker : undefined
  }

  async #send(step: Step, room: TrueRoom): Promise<void> {
    const speaker = this.#speaker(step, room)
    for (let sent = step.how % 5; sent >= 0 && speaker !== undefined; sent--) {
      const content = { msgtype: 'm.text', body: `message ${++this.#names}` }
      const id = await speaker.send(room.id, 'm.room.message', content)
      room.add(
        { id, type: 'm.room.message', stateKey: undefined, sender: speaker.userId, place: ++this.#places },
        content,
      )
    }
  }

  async #state(how: number, room: TrueRoom): Promise<void> {
    const text = `text ${++this.#names}`
    const [type, content] = how % 2 === 0 ? ['m.room.name', { name: text }] : ['m.room.topic', { topic: text }]
    const id = await this.#alice.setState(room.id, type as string, '', content as Json)
    const sender = this.#alice.userId
    room.add({ id, type: type as string, stateKey: '', sender, place: ++this.#places }, content)
  }

  /** One of the ways from the reader's membership to another. */
  async #mine(how: number, room: TrueRoom): Promise<void> {
    const ways = { none: ['invite', 'join'], invite: ['join', 'leave'], join: ['leave', 'kicked', 'ban'] } as const
    if (room.mine === 'ban') return
    if (room.mine === 'leave' || room.mine === 'kicked') {
      if (how % 3 !== 2) return this.#become(room, how % 3 === 0 ? 'join' : 'invite')
      await this.#reader.post(`/v3/rooms/${enc(room.id)}/forget`)
      return this.#forgotten(room)
    }
    const to = ways[room.mine]
    return this.#become(room, to[how % to.length] as (typeof to)[number])
  }

  #forgotten(room: TrueRoom): void {
    room.mine = 'none'
  }

  async #become(room: TrueRoom, to: 'invite' | 'join' | 'leave' | 'kicked' | 'ban'): Promise<void> {
    const { userId } = this.#reader
    const isByOther = to === 'invite' || to === 'kicked' || to === 'ban'
    if (to === 'invite') await this.#alice.invite(room.id, userId)
    if (to === 'join') await this.#reader.join(room.id)
    if (to === 'leave') await this.#reader.leave(room.id)
    if (to === 'kicked') await this.#alice.kick(room.id, userId)
    if (to === 'ban') await this.#alice.ban(room.id, userId)
    const membership = to === 'kicked' ? 'leave' : to
    this.#member(room, userId, membership, isByOther ? this.#alice.userId : userId)
    if (to === 'leave' && this.#view.rooms.has(room.id)) this.#left.add(room.id)
    else this.#left.delete(room.id)
    room.becomes(to)
    if (to === 'join') return
    room.typing.delete(userId)
    this.#view.receipts.delete(room.id)
    this.#view.typing.delete(room.id)
    for (const key of this.#due) if (key.startsWith(room.id)) this.#due.delete(key)
  }

  async #others(room: TrueRoom): Promise<void> {
    const { userId } = this.#bob
    const isHere = room.members.get(userId) === 'join'
    await (isHere ? this.#bob.leave(room.id) : this.#bob.join(room.id))
    this.#member(room, userId, isHere ? 'leave' : 'join')
    room.typing.delete(userId)
  }

  async #data(how: number, room: TrueRoom): Promise<void> {
    const base = `/v3/user/${enc(this.#reader.userId)}/account_data`
    const isDirect = how % 2 === 0
    if (isDirect && !this.#direct.delete(room.id)) this.#direct.add(room.id)
    const content = isDirect ? { [this.#alice.userId]: [...this.#direct] } : { value: ++this.#names }
    const type = isDirect ? 'm.direct' : 'org.example.data'
    await this.#reader.put(`${base}/${type}`, content)
    this.#global.set(type, content)
  }

  async #roomData(how: number, room: TrueRoom): Promise<void> {
    const base = `/v3/user/${enc(this.#reader.userId)}/rooms/${enc(room.id)}`
    if (room.mine === 'none') return
    if (how % 2 === 0) {
      const content = { value: ++this.#names }
      await this.#reader.put(`${base}/account_data/org.example.room`, content)
      room.accountData.set('org.example.room', content)
      return
    }
    const isTagged = room.accountData.get('m.tag')?.tags['m.favourite'] !== undefined
    await (isTagged ? this.#reader.delete(`${base}/tags/m.favourite`) : this.#reader.put(`${base}/tags/m.favourite`))
    room.accountData.set('m.tag', { tags: isTagged ? {} : { 'm.favourite': {} } })
  }

  async #receipt(step: Step, room: TrueRoom): Promise<void> {
    const speaker = this.#speaker(step, room)
    const sent = room.events.filter(({ type }) => type === 'm.room.message')
    const event = sent[step.how % Math.max(1, sent.length)]
    if (speaker === undefined || event?.id === undefined) return
    const type = step.how % 4 === 3 ? 'm.read.private' : 'm.read'
    const thread = step.how % 3 === 2 ? 'main' : ''
    await speaker.receipt(room.id, event.id, type, thread === '' ? {} : { thread_id: thread })
    const key = [type, speaker.userId, thread].join(' ')
    if ((room.receipts.get(key)?.at ?? 0) >= event.place) return
    room.receipts.set(key, { eventId: event.id, at: event.place })
    const isKnown = this.#view.rooms.has(room.id) && room.mine === 'join'
    if (isKnown && type === 'm.read') this.#due.add(`${room.id} ${key}`)
  }

  async #typing(step: Step, room: TrueRoom): Promise<void> {
    const speaker = this.#speaker(step, room)
    if (speaker === undefined) return
    const types = !room.typing.delete(speaker.userId)
    await speaker.typing(room.id, types ? TYPING_MS : 0)
    if (types) room.typing.add(speaker.userId)
  }
}
