import { expect } from 'vitest'
import type { Json } from '../../../support/client.ts'
import type { SlidingWish, SubscriptionWish } from '../connection.ts'
import { type TrueRoom, wordsOf } from './truth.ts'
import type { RoomView, View } from './view.ts'
import { combined, passes } from './wishes.ts'

/** The facts of the reader besides rooms. */
export interface TrueReader {
  readonly userId: string
  readonly global: ReadonlyMap<string, Json>
  /** Rooms of `m.direct`. */
  readonly direct: ReadonlySet<string>
}

export interface Rest {
  readonly view: View
  readonly wish: SlidingWish
  readonly rooms: readonly TrueRoom[]
  readonly reader: TrueReader
  /** Receipts of others that the client must know, as it had the room when they moved: `room type user thread`. */
  readonly due: ReadonlySet<string>
  /** Rooms that the client had when the reader left them. */
  readonly left: ReadonlySet<string>
  readonly why: string
}

/** Rooms that lists are made of, in their order: not those that one left oneself, of which a client is told once. */
const listed = ({ rooms }: Rest): readonly TrueRoom[] =>
  rooms.filter(({ mine }) => mine !== 'none' && mine !== 'leave').sort((one, other) => other.place - one.place)

/** Compares all that the client knows of the rooms in scope with what is true. Answers with those rooms. */
export const expectView = (rest: Rest): ReadonlySet<string> => {
  const { view, wish, rooms, reader, why } = rest
  const all = listed(rest)
  const configs = new Map<TrueRoom, SubscriptionWish[]>()
  const add = (room: TrueRoom, config: SubscriptionWish): void => {
    configs.set(room, [...(configs.get(room) ?? []), config])
  }
  for (const [name, list] of Object.entries(wish.lists ?? {})) {
    const found = all.filter((room) => passes(list, room, factsOf(reader, room)))
    expect([name, view.counts.get(name)], `count of ${name} ${why}`).toEqual([name, found.length])
    const [first, last] = list.range ?? [0, found.length]
    for (const room of found.slice(first, last + 1)) add(room, list)
  }
  for (const [roomId, config] of Object.entries(wish.subscriptions ?? {})) {
    const room = all.find(({ id }) => id === roomId)
    if (room !== undefined) add(room, config)
  }
  for (const [room, ofRoom] of configs) expectRoom(rest, room, ofRoom)
  expectOrder(rest, [...configs.keys()])
  for (const room of rooms) if (room.mine === 'leave' && rest.left.has(room.id)) expectLeft(rest, room)
  for (const [type, content] of reader.global) expect(view.global.get(type), `${type} ${why}`).toEqual(content)
  expect(view.global.has('m.push_rules'), `push rules ${why}`).toBe(true)
  const known = new Set(rooms.filter(({ mine }) => mine !== 'none').map(({ id }) => id))
  for (const roomId of view.rooms.keys()) expect(rooms.some(({ id }) => id === roomId) || known.has(roomId)).toBe(true)
  expect(view.faults, `faults ${why}`).toEqual([])
  return new Set([...configs.keys()].map(({ id }) => id))
}

const factsOf = ({ direct }: TrueReader, room: TrueRoom) => ({
  isDm: direct.has(room.id),
  tags: Object.keys(room.accountData.get('m.tag')?.tags ?? {}),
})

const expectRoom = (rest: Rest, room: TrueRoom, configs: readonly SubscriptionWish[]): void => {
  const { view, reader } = rest
  const known = view.rooms.get(room.id)
  const why = `${room.id} (${room.mine}) ${rest.why}`
  expect(known !== undefined, `known ${why}`).toBe(true)
  if (known === undefined) return
  if (view.connection.form === 'v4') {
    const memberships = { kicked: 'leave', none: undefined } as const
    expect(known.membership, `membership ${why}`).toBe(
      room.mine in memberships ? memberships[room.mine as 'none'] : room.mine,
    )
  }
  const held = Object.fromEntries(view.accountData.get(room.id) ?? [])
  expect(held, `account data ${why}`).toEqual(Object.fromEntries(room.accountData))
  if (room.mine === 'invite') {
    const own = known.stripped?.find(({ type, state_key }) => type === 'm.room.member' && state_key === reader.userId)
    expect(own?.content.membership, `stripped state ${why}`).toBe('invite')
    expect(
      known.stripped?.some(({ type }) => type === 'm.room.create'),
      `stripped create event ${why}`,
    ).toBe(true)
    return
  }
  if (!room.wasJoined) return
  const { timelineLimit, patterns, lazyMembers } = combined(configs)
  if (!room.isVague) expectTimeline(room, known, timelineLimit, why)
  if (room.mine !== 'join') return
  expect([known.joined, known.invited ?? 0], `counts ${why}`).toEqual([room.count('join'), room.count('invite')])
  expect(known.name, `name ${why}`).toBe(room.name)
  expect(known.isDm, `is_dm ${why}`).toBe(reader.direct.has(room.id))
  const wanted = [...room.state].filter(([key]) => patterns.some((pattern) => matches(pattern, key)))
  const state = [...known.state].map(([key, event]) => [key, wordsOf(event)] as const)
  expect(Object.fromEntries(state), `state ${why}`).toMatchObject(Object.fromEntries(wanted))
  if (lazyMembers) expectSenders(rest, room, known)
  expectReceipts(rest, room, why)
  const typing = [...(view.typing.get(room.id) ?? [])].sort()
  expect(typing, `typing ${why}`).toEqual([...room.typing].sort())
}

/** A room that the client had when the reader left it: it hears of that, and of nothing after. */
const expectLeft = ({ view, why }: Rest, room: TrueRoom): void => {
  const known = view.rooms.get(room.id)
  const last = known?.timeline.at(-1) ?? {}
  if (view.connection.form === 'v4') expect(known?.membership, `membership of ${room.id}, left, ${why}`).toBe('leave')
  if (room.wasJoined && !room.isVague)
    expect(wordsOf(last), `end of ${room.id}, left, ${why}`).toBe(room.visible.at(-1)?.words)
}

const matches = ([type, stateKey]: readonly [string, string], key: string): boolean => {
  const space = key.indexOf(' ')
  return (type === '*' || type === key.slice(0, space)) && (stateKey === '*' || stateKey === key.slice(space + 1))
}

const expectTimeline = (room: TrueRoom, known: RoomView, limit: number, why: string): void => {
  const seen = room.visible.map(({ words }) => words)
  const timeline = known.timeline.map(wordsOf)
  expect(timeline, `timeline ${why}`).toEqual(timeline.length === 0 ? [] : seen.slice(-timeline.length))
  expect(timeline.length, `length of the timeline ${why}`).toBeGreaterThanOrEqual(Math.min(limit, seen.length))
}

const expectSenders = ({ view, why }: Rest, room: TrueRoom, known: RoomView): void => {
  for (const { sender, event_id } of known.timeline) {
    if (!view.lazily.has(event_id)) continue
    const key = `m.room.member ${sender}`
    const event = known.state.get(key)
    expect(event && wordsOf(event), `member ${sender} of ${room.id} ${why}`).toBe(room.state.get(key))
  }
}

const expectReceipts = ({ view, due, reader }: Rest, room: TrueRoom, why: string): void => {
  const held = view.receipts.get(room.id)
  for (const [key, { eventId }] of room.receipts) {
    const [type = '', userId = ''] = key.split(' ')
    const isOwn = userId === reader.userId
    if (type === 'm.read.private' && !isOwn)
      expect(held?.has(key) ?? false, `private receipt ${key} ${why}`).toBe(false)
    else if (isOwn || due.has(`${room.id} ${key}`) || view.shown.has(eventId) || held?.has(key))
      expect(held?.get(key), `receipt ${key} ${why}`).toBe(eventId)
  }
}

/** Bump stamps put rooms into the order of their newest messages. */
const expectOrder = ({ view, why }: Rest, rooms: readonly TrueRoom[]): void => {
  const stamped = rooms.filter(({ mine }) => mine === 'join' || mine === 'invite')
  const stampOf = ({ id }: TrueRoom): number => view.rooms.get(id)?.bumpStamp ?? 0
  const byStamp = [...stamped].sort((one, other) => stampOf(one) - stampOf(other)).map(({ id }) => id)
  const byPlace = [...stamped].sort((one, other) => one.bumpPlace - other.bumpPlace).map(({ id }) => id)
  expect(byStamp, `bump stamps ${why}`).toEqual(byPlace)
}
