import { expect } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import type { TestHomeserver } from '../../support/homeserver.ts'
import { search } from './searches.ts'

export const KINDS = ['send', 'edit', 'redact', 'join', 'leave', 'visibility', 'restart', 'check'] as const
export interface Step {
  readonly kind: (typeof KINDS)[number]
  readonly room: number
  readonly who: number
  readonly pick: number
  readonly how: number
}

const WORDS = ['ant', 'bee', 'cat', 'dog']
const VISIBILITIES = ['shared', 'joined', 'invited', 'world_readable'] as const

interface Message {
  readonly eventId: string
  readonly room: number
  readonly who: number
  /** The original, and each edit; undefined where redacted. */
  readonly texts: { readonly eventId: string; text: string | undefined }[]
  /** Place in the order of all that happened. */
  readonly at: number
  readonly visibility: string
  /** The users who were in the room when it was sent. */
  readonly present: ReadonlySet<number>
}

interface Room {
  readonly roomId: string
  visibility: string
  readonly joins: { who: number; at: number; leftAt: number | undefined }[]
}

/** A few people in a few rooms, and a plain model of what each of them finds. The first of them makes the rooms and stays. */
export class SearchWorld {
  readonly #homeserver: TestHomeserver
  readonly #people: readonly TestClient[]
  readonly #rooms: readonly Room[]
  readonly #messages: Message[] = []
  #now = 0

  private constructor(homeserver: TestHomeserver, people: readonly TestClient[], rooms: readonly Room[]) {
    this.#homeserver = homeserver
    this.#people = people
    this.#rooms = rooms
  }

  static async make(homeserver: TestHomeserver): Promise<SearchWorld> {
    const people: TestClient[] = []
    for (let made = 0; made < 3; made++) people.push(await homeserver.register('searcher'))
    const rooms: Room[] = []
    for (let made = 0; made < 2; made++) {
      const roomId = (await people[0]?.createRoom({ preset: 'public_chat' })) ?? ''
      rooms.push({ roomId, visibility: 'shared', joins: [{ who: 0, at: 0, leftAt: undefined }] })
    }
    return new SearchWorld(homeserver, people, rooms)
  }

  async take({ kind, room: roomIndex, who, pick, how }: Step): Promise<void> {
    const room = this.#rooms[roomIndex] as Room
    const person = this.#people[who] as TestClient
    const isIn = present(room).has(who)
    this.#now++
    switch (kind) {
      case 'send':
        return isIn ? this.#send(room, roomIndex, who, how) : undefined
      case 'edit':
        return isIn ? this.#edit(roomIndex, who, pick, how) : undefined
      case 'redact':
        return isIn ? this.#redact(roomIndex, who, pick) : undefined
      case 'join':
        if (isIn) return
        await person.join(room.roomId)
        room.joins.push({ who, at: this.#now, leftAt: undefined })
        return
      case 'leave': {
        const stay = room.joins.findLast((join) => join.who === who && join.leftAt === undefined)
        if (who === 0 || stay === undefined) return
        await person.leave(room.roomId)
        stay.leftAt = this.#now
        return
      }
      case 'visibility': {
        const visibility = VISIBILITIES[how % VISIBILITIES.length] ?? 'shared'
        await this.#people[0]?.setState(room.roomId, 'm.room.history_visibility', '', {
          history_visibility: visibility,
        })
        room.visibility = visibility
        return
      }
      case 'restart':
        if (how % 8 === 0) await this.#homeserver.restart()
        return
      case 'check':
        return this.#checkOne(who, how)
    }
  }

  /** Holds every answer against the model. */
  async end(): Promise<void> {
    for (const who of this.#people.keys())
      for (let how = 0; how < WORDS.length * 2; how++) await this.#checkOne(who, how)
  }

  async #send(room: Room, roomIndex: number, who: number, how: number): Promise<void> {
    const text = textOf(how)
    const eventId = (await this.#people[who]?.sendText(room.roomId, text)) ?? ''
    this.#messages.push({
      ...{ eventId, who, at: this.#now },
      room: roomIndex,
      texts: [{ eventId, text }],
      visibility: room.visibility,
      present: present(room),
    })
  }

  async #edit(room: number, who: number, pick: number, how: number): Promise<void> {
    const mine = this.#messages.filter((message) => message.room === room && message.who === who)
    const message = mine[pick % Math.max(1, mine.length)]
    if (message === undefined) return
    const text = textOf(how)
    const eventId =
      (await this.#people[who]?.send(this.#rooms[room]?.roomId ?? '', 'm.room.message', {
        msgtype: 'm.text',
        body: `* ${text}`,
        'm.new_content': { msgtype: 'm.text', body: text },
        'm.relates_to': { rel_type: 'm.replace', event_id: message.eventId },
      })) ?? ''
    message.texts.push({ eventId, text })
  }

  async #redact(room: number, who: number, pick: number): Promise<void> {
    const texts = this.#messages
      .filter((message) => message.room === room && message.who === who)
      .flatMap((message) => message.texts)
    const redacted = texts[pick % Math.max(1, texts.length)]
    if (redacted === undefined) return
    await this.#people[who]?.redact(this.#rooms[room]?.roomId ?? '', redacted.eventId)
    redacted.text = undefined
  }

  async #checkOne(who: number, how: number): Promise<void> {
    const word = WORDS[how % WORDS.length] ?? ''
    const order = how % (2 * WORDS.length) < WORDS.length ? 'recent' : 'rank'
    const expected = this.#messages.filter((message) => wordsOf(message).includes(word) && this.#sees(who, message))
    const found: string[] = []
    const ranks: number[] = []
    let page: Json
    let pages = 0
    do {
      const wish = { order_by: order, keys: ['content.body'], filter: { limit: 3 } }
      page = await search(this.#people[who] as TestClient, word, wish, page?.next_batch)
      expect(page.count).toBe(expected.length)
      found.push(...page.results.map(({ result }: Json) => result.event_id))
      ranks.push(...page.results.map(({ rank }: Json) => rank))
    } while (page.next_batch !== undefined && pages++ < 100)
    const wanted = expected.map(({ eventId }) => eventId)
    if (order === 'recent') expect(found).toEqual(wanted.toReversed())
    else {
      expect(found.toSorted()).toEqual(wanted.toSorted())
      expect(ranks).toEqual(ranks.toSorted((one, other) => other - one))
    }
  }

  /** The rule of who sees what: "Room History Visibility", and of rooms that were left what was there before. */
  #sees(who: number, { room: index, at, visibility, present: there }: Message): boolean {
    const room = this.#rooms[index] as Room
    const stays = room.joins.filter((join) => join.who === who)
    const last = stays.at(-1)
    if (last === undefined) return false
    if (last.leftAt !== undefined && room.visibility !== 'world_readable' && at > last.leftAt) return false
    if (visibility === 'world_readable' || there.has(who)) return true
    return visibility === 'shared' && last.at > at
  }
}

const present = (room: Room): ReadonlySet<number> =>
  new Set(room.joins.filter(({ leftAt }) => leftAt === undefined).map(({ who }) => who))

const textOf = (how: number): string =>
  Array.from({ length: 1 + (how % 3) }, (_, index) => WORDS[Math.floor(how / (index + 1)) % WORDS.length]).join(' ')

/** The words that the message has now: those of its newest edit that is left, and none once it is redacted itself. */
const wordsOf = ({ texts }: Message): readonly string[] => {
  if (texts[0]?.text === undefined) return []
  return texts.findLast(({ text }) => text !== undefined)?.text?.split(' ') ?? []
}
