import { expect } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import type { TestHomeserver } from '../../support/homeserver.ts'
import { type PushGateway, pusherOf, setPusher } from '../../support/other-servers/push-gateway.ts'
import { countsOf, type ModelEvent, ModelRoom, ModelRules, type RoomCounts, Told } from './model.ts'

const enc = encodeURIComponent
export const THREADS = { filter: JSON.stringify({ room: { timeline: { unread_thread_notifications: true } } }) }

/** Numbers that a step takes what it needs from; each picks among what there is. */
export interface Step {
  readonly kind: (typeof KINDS)[number]
  readonly room: number
  readonly who: number
  readonly pick: number
  readonly how: number
}

export const KINDS = [
  'send',
  'relate',
  'redact',
  'receipt',
  'profile',
  'nick',
  'ignore',
  'rule',
  'leave',
  'others',
  'level',
  'restart',
  'laptop',
  'subscribe',
] as const

const WORDS = ['hello', 'some cake please', 'hey rita', 'hey margarita']
const RELATIONS = ['m.thread', 'm.reference', 'm.replace', 'm.annotation', 'm.thread'] as const

/** A reader with two devices, two others, two rooms; and the plain model of what the reader has not read. */
export class World {
  readonly #homeserver: TestHomeserver
  readonly #rules = new ModelRules()
  readonly #rooms = new Map<string, ModelRoom>()
  readonly #ignored = new Set<string>()
  readonly #phone = new Told()
  readonly #laptop = new Told()
  #reader: TestClient
  #others: readonly TestClient[]
  #phoneToken = ''
  #laptopClient: TestClient
  #laptopToken = ''
  #names = 0
  #profileName = ''

  private constructor(homeserver: TestHomeserver, reader: TestClient, laptop: TestClient, others: TestClient[]) {
    this.#homeserver = homeserver
    this.#reader = reader
    this.#laptopClient = laptop
    this.#others = others
  }

  static async make(homeserver: TestHomeserver): Promise<World> {
    const reader = await homeserver.register('rita')
    const [alice, carol] = [await homeserver.register('alice'), await homeserver.register('carol')]
    const world = new World(homeserver, reader, await reader.loginAgain(), [alice, carol])
    for (let n = 0; n < 2; n++) {
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      const room = new ModelRoom()
      world.#rooms.set(roomId, room)
      room.levels.set(alice.userId, 100)
      room.joined.add(alice.userId)
      await carol.join(roomId)
      room.joined.add(carol.userId)
      await reader.join(roomId)
      room.readerName = (await reader.getState(roomId, 'm.room.member', reader.userId)).displayname
    }
    // The name of an account may have a number behind it.
    world.#profileName = (await reader.get(`/v3/profile/${enc(reader.userId)}`)).displayname
    await world.#syncPhone()
    return world
  }

  async take(step: Step): Promise<void> {
    const [roomId, room] = [...this.#rooms][step.room % 2] as [string, ModelRoom]
    await this.#do(step, roomId, room)
    await this.#syncPhone()
    this.#expectTold(this.#phone, `phone after ${JSON.stringify(step)}`, true)
  }

  /** A first sync, and the device that slept, are told the same. */
  async end(): Promise<void> {
    await this.#syncLaptop()
    const fresh = new Told()
    fresh.take(await this.#reader.sync(THREADS))
    this.#expectTold(fresh, 'a first sync', true)
    await this.#homeserver.restart()
    const later = new Told()
    later.take(await this.#reader.sync(THREADS))
    this.#expectTold(later, 'a first sync after a restart', true)
  }

  /** The badge is the sum of what is unread, and of one more message of somebody who is never ignored. */
  async endWithBadge(gateway: PushGateway): Promise<void> {
    const dave = await this.#homeserver.register('dave')
    const roomId = await dave.createRoom({ preset: 'public_chat' })
    await this.#reader.join(roomId)
    await setPusher(this.#reader, pusherOf(gateway.url))
    const mentions = { user_ids: [this.#reader.userId] }
    const last = await dave.send(roomId, 'm.room.message', { body: 'hello', msgtype: 'm.text', 'm.mentions': mentions })
    const unread = [...this.#rooms.values()]
      .filter(({ isJoined }) => isJoined)
      .map((room) => countsOf(room, this.#rules, this.#reader.userId, this.#ignored).room.notification_count)
      .reduce((sum, count) => sum + count, 0)
    let notice = await gateway.next()
    while (notice.event_id !== last) notice = await gateway.next()
    expect(notice.counts.unread, 'the badge').toBe(unread + 1)
  }

  #expectTold(told: Told, who: string, byThread: boolean): void {
    const expected: Record<string, unknown> = {}
    const got: Record<string, unknown> = {}
    const shown = ({ room, main, threads }: RoomCounts): unknown => (byThread ? { main, threads } : room)
    for (const [roomId, room] of this.#rooms) {
      if (!room.isJoined) continue
      expected[roomId] = shown(countsOf(room, this.#rules, this.#reader.userId, this.#ignored))
      got[roomId] = shown(told.of(roomId))
    }
    expect(got, who).toEqual(expected)
  }

  async #syncPhone(): Promise<void> {
    const since = this.#phoneToken === '' ? {} : { since: this.#phoneToken }
    const answer = await this.#reader.sync({ ...since, ...THREADS })
    this.#phoneToken = answer.next_batch
    this.#phone.take(answer)
  }

  async #syncLaptop(): Promise<void> {
    const since = this.#laptopToken === '' ? {} : { since: this.#laptopToken }
    const answer = await this.#laptopClient.sync(since)
    this.#laptopToken = answer.next_batch
    this.#laptop.take(answer)
    this.#expectTold(this.#laptop, 'laptop', false)
  }

  async #do(step: Step, roomId: string, room: ModelRoom): Promise<void> {
    const { kind, pick, how } = step
    const event = room.events[pick % Math.max(1, room.events.length)]
    switch (kind) {
      case 'send':
        return this.#send(step, roomId, room)
      case 'relate':
        return event === undefined ? undefined : this.#relate(step, roomId, room, event)
      case 'redact':
        if (event === undefined || event.redacted || event.type === 'other') return
        await this.#others[0]?.redact(roomId, event.id)
        event.redacted = true
        return this.#note(room)
      case 'receipt':
        return event === undefined || !room.isJoined ? undefined : this.#receipt(step, roomId, room, event)
      case 'profile': {
        this.#names++
        const name = how % 2 === 0 ? 'rita' : `rita${this.#names}`
        const [path, body] = how % 3 === 0 ? ['avatar_url', 'mxc://example.org/a'] : ['displayname', name]
        await this.#reader.put(`/v3/profile/${enc(this.#reader.userId)}/${path}`, { [path]: body })
        // A name that is what it was is no change: names for single rooms stay.
        if (path !== 'displayname' || name === this.#profileName) return
        this.#profileName = name
        for (const [id, each] of this.#rooms) {
          if (!each.isJoined) continue
          each.readerName = name
          await this.#untilNamed(id, name)
        }
        return
      }
      case 'nick': {
        if (!room.isJoined) return
        const displayname = how % 2 === 0 ? 'margarita' : 'rita'
        await this.#reader.setState(roomId, 'm.room.member', this.#reader.userId, { membership: 'join', displayname })
        room.readerName = displayname
        return
      }
      case 'ignore':
        return this.#ignore(how)
      case 'rule':
        return this.#rule(how, roomId, room)
      case 'leave':
        return this.#comeOrGo(roomId, room)
      case 'others':
        return this.#carolComesOrGoes(roomId, room)
      case 'level':
        return this.#level(how, roomId, room)
      case 'restart':
        return this.#homeserver.restart()
      case 'laptop':
        return this.#syncLaptop()
      case 'subscribe':
        return event === undefined || event.type === 'other' ? undefined : this.#subscribe(how, roomId, room, event)
    }
  }

  /** An event that is not sent by the steps, so that places in the room go on. */
  #note(room: ModelRoom, id = 'other'): void {
    room.add({ id, sender: '', type: 'other', body: '' })
  }

  /** Rooms may be told of a profile after the answer. */
  async #untilNamed(roomId: string, name: string): Promise<void> {
    for (let round = 0; round < 5_000; round++) {
      const { displayname } = await this.#reader.getState(roomId, 'm.room.member', this.#reader.userId)
      if (displayname === name) return
    }
    throw new Error('a room was not told of the new name')
  }

  #speaker({ who }: Step, room: ModelRoom): TestClient | undefined {
    const speaker = [...this.#others, this.#reader][who % 3]
    if (speaker === this.#reader) return room.isJoined ? speaker : undefined
    return speaker !== undefined && room.joined.has(speaker.userId) ? speaker : undefined
  }

  async #send(step: Step, roomId: string, room: ModelRoom, relation?: ModelEvent['relation']): Promise<void> {
    const speaker = this.#speaker(step, room)
    if (speaker === undefined) return
    const { how } = step
    const body = WORDS[how % WORDS.length] as string
    const msgtype = how % 7 === 6 ? 'm.notice' : 'm.text'
    const mentionsReader = how % 5 === 4
    const mentionsRoom = how % 6 === 5
    const isReaction = relation?.type === 'm.annotation'
    const type = isReaction ? 'm.reaction' : 'm.room.message'
    const mentions = {
      ...(mentionsReader ? { user_ids: [this.#reader.userId] } : {}),
      ...(mentionsRoom ? { room: true } : {}),
    }
    const relates =
      relation === undefined
        ? {}
        : {
            'm.relates_to': {
              rel_type: relation.type,
              event_id: relation.target,
              ...(isReaction ? { key: String(room.events.length) } : {}),
            },
          }
    const edited = relation?.type === 'm.replace' ? { 'm.new_content': { body: 'some cake, rita', msgtype } } : {}
    const content = isReaction ? relates : { body, msgtype, 'm.mentions': mentions, ...edited, ...relates }
    const id = await speaker.send(roomId, type, content)
    const said = isReaction ? { body: '' } : { body, msgtype, mentionsReader, mentionsRoom }
    room.add({ id, sender: speaker.userId, type, ...said, ...(relation === undefined ? {} : { relation }) })
  }

  #relate(step: Step, roomId: string, room: ModelRoom, target: ModelEvent): Promise<void> | undefined {
    if (target.type === 'other') return
    const type = RELATIONS[step.how % RELATIONS.length] as string
    // Servers may refuse a thread on an event that relates to another.
    if (type === 'm.thread' && target.relation !== undefined && !target.redacted) return
    return this.#send({ ...step, how: step.how * 3 + 1 }, roomId, room, { type, target: target.id })
  }

  async #receipt({ how, pick }: Step, roomId: string, room: ModelRoom, event: ModelEvent): Promise<void> {
    if (event.type === 'other') return
    const type = ['m.read', 'm.read.private', 'm.fully_read'][how % 3] as string
    const others = room.events.filter(({ type: of }) => of !== 'other')
    const root = others[(pick * 7 + how) % others.length]?.id ?? 'main'
    const thread = type === 'm.fully_read' ? undefined : [undefined, 'main', root, room.threadOf(event)][how % 4]
    const body = thread === undefined ? {} : { thread_id: thread }
    const path = `/v3/rooms/${enc(roomId)}/receipt/${enc(type)}/${enc(event.id)}`
    const { status } = await this.#reader.request('POST', path, { body })
    const isTaken = thread === undefined || room.isRelated(event, thread)
    expect([status, type, thread], 'a receipt').toEqual([isTaken ? 200 : 400, type, thread])
    if (isTaken && type !== 'm.fully_read') room.read(event, thread)
  }

  /** To the thread that the event is in or may begin, or no more. */
  async #subscribe(how: number, roomId: string, room: ModelRoom, event: ModelEvent): Promise<void> {
    const thread = room.threadOf(event)
    const root = thread === 'main' ? event.id : thread
    const first = room.event(root) ?? event
    // Threads whose first event the reader does not see are not there for them.
    if (!room.isJoined || room.events.indexOf(first) < room.stayBegins || this.#ignored.has(first.sender)) return
    const path = `/unstable/io.element.msc4306/rooms/${enc(roomId)}/thread/${enc(root)}/subscription`
    if (how % 3 === 0) {
      await this.#reader.delete(path)
      this.#rules.subscribed?.delete(root)
      return
    }
    await this.#reader.put(path, {})
    this.#rules.subscribed ??= new Set()
    this.#rules.subscribed.add(root)
  }

  async #ignore(how: number): Promise<void> {
    this.#ignored.clear()
    this.#others.forEach(({ userId }, index) => {
      if ((how >> index) % 2 === 1) this.#ignored.add(userId)
    })
    const path = `/v3/user/${enc(this.#reader.userId)}/account_data/m.ignored_user_list`
    const users = [...this.#ignored, ...(how % 5 === 4 ? [this.#reader.userId] : [])]
    await this.#reader.put(path, { ignored_users: Object.fromEntries(users.map((userId) => [userId, {}])) })
  }

  async #rule(how: number, roomId: string, room: ModelRoom): Promise<void> {
    const rules = this.#rules
    const base = '/v3/pushrules/global'
    const highlight = { actions: ['notify', { set_tweak: 'highlight' }] }
    switch (how % 4) {
      case 0: {
        const path = `${base}/override/mute-${enc(roomId.slice(1))}`
        const others = rules.overrides.filter((rule) => rule.kind !== 'mute' || rule.room !== room)
        const isMuted = others.length < rules.overrides.length
        rules.overrides = isMuted ? others : [{ kind: 'mute', room }, ...others]
        const conditions = [{ kind: 'event_match', key: 'room_id', pattern: roomId }]
        return isMuted ? this.#reader.delete(path) : this.#reader.put(path, { conditions, actions: [] })
      }
      case 1: {
        const others = rules.overrides.filter(({ kind }) => kind !== 'name')
        const isSet = others.length < rules.overrides.length
        rules.overrides = isSet ? others : [{ kind: 'name' }, ...others]
        const body = { conditions: [{ kind: 'contains_display_name' }], ...highlight }
        return isSet ? this.#reader.delete(`${base}/override/name`) : this.#reader.put(`${base}/override/name`, body)
      }
      case 2: {
        rules.keyword = !rules.keyword
        const path = `${base}/content/cake`
        return rules.keyword ? this.#reader.put(path, { pattern: 'cake', ...highlight }) : this.#reader.delete(path)
      }
      default:
        rules.messages = !rules.messages
        return this.#reader.put(`${base}/underride/.m.rule.message/enabled`, { enabled: rules.messages })
    }
  }

  async #comeOrGo(roomId: string, room: ModelRoom): Promise<void> {
    this.#note(room)
    if (room.isJoined) {
      await this.#reader.leave(roomId)
    } else {
      await this.#reader.join(roomId)
      room.stayBegins = room.events.length
      room.readerName = (await this.#reader.getState(roomId, 'm.room.member', this.#reader.userId)).displayname
    }
    room.isJoined = !room.isJoined
  }

  async #carolComesOrGoes(roomId: string, room: ModelRoom): Promise<void> {
    const carol = this.#others[1] as TestClient
    this.#note(room)
    if (room.joined.delete(carol.userId)) {
      await carol.leave(roomId)
      return
    }
    await carol.join(roomId)
    room.joined.add(carol.userId)
  }

  async #level(how: number, roomId: string, room: ModelRoom): Promise<void> {
    const [alice, carol] = this.#others as [TestClient, TestClient]
    const level = how % 2 === 0 ? 50 : 0
    const content = await alice.getState(roomId, 'm.room.power_levels')
    await alice.setState(roomId, 'm.room.power_levels', '', {
      ...content,
      users: { ...content.users, [carol.userId]: level },
    })
    room.levels.set(carol.userId, level)
    this.#note(room)
  }
}
