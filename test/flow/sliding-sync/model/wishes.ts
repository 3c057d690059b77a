import type { ListWish, SlidingWish, SubscriptionWish } from '../connection.ts'
import type { TrueRoom } from './truth.ts'

const LIMITS = [1, 3, 20]
const RANGES = [undefined, [0, 0], [0, 1], [0, 9], [1, 2]] as const
const NAME = ['m.room.name', ''] as const
const TOPIC = ['m.room.topic', ''] as const
const STATES: readonly Pick<SubscriptionWish, 'requiredState' | 'lazyMembers'>[] = [
  { requiredState: [] },
  { requiredState: [NAME] },
  { requiredState: [NAME, TOPIC], lazyMembers: true },
  { requiredState: [['*', '*']] },
  { requiredState: [['m.room.member', '*'], TOPIC] },
]
const FILTERS = [
  {},
  {},
  { is_invited: true },
  { is_dm: true },
  { tags: ['m.favourite'] },
  { not_tags: ['m.favourite'] },
]

const pick = <Item>(items: readonly Item[], number: number): Item => items[number % items.length] as Item

const config = (number: number): SubscriptionWish => ({
  timelineLimit: pick(LIMITS, number),
  ...pick(STATES, Math.floor(number / LIMITS.length)),
})

const list = (number: number, how: number): ListWish => {
  const range = pick(RANGES, number)
  return { ...config(how), ...(range === undefined ? {} : { range }), filters: pick(FILTERS, number + how) }
}

/** A request from two numbers: lists, subscriptions, and the extensions with all rooms. */
export const wishOf = (number: number, how: number, rooms: readonly string[]): SlidingWish => {
  const subscribed = rooms.filter((_, index) => (number >> index) % 4 === 1)
  return {
    lists: { one: list(number, how), ...(how % 3 === 0 ? { two: list(how, number) } : {}) },
    subscriptions: Object.fromEntries(subscribed.map((roomId) => [roomId, config(how + number)])),
    extensions: {
      account_data: { enabled: true },
      receipts: { enabled: true },
      typing: { enabled: true },
      e2ee: { enabled: true },
    },
  }
}

/** The facts of a room that the filters of a list ask about. */
export interface Facts {
  readonly isDm: boolean
  readonly tags: readonly string[]
}

export const passes = ({ filters = {} }: ListWish, room: TrueRoom, { isDm, tags }: Facts): boolean => {
  const { is_invited, is_dm, tags: wanted, not_tags } = filters as Readonly<Record<string, unknown>>
  if (is_invited !== undefined && is_invited !== (room.mine === 'invite')) return false
  if (is_dm !== undefined && is_dm !== isDm) return false
  const has = (names: unknown): boolean => tags.some((tag) => (names as readonly string[]).includes(tag))
  return (wanted === undefined || has(wanted)) && (not_tags === undefined || !has(not_tags))
}

/** The widest of what several configs ask of a room. */
export const combined = (configs: readonly SubscriptionWish[]) => ({
  timelineLimit: Math.max(...configs.map(({ timelineLimit = 0 }) => timelineLimit)),
  patterns: configs.flatMap(({ requiredState = [] }) => requiredState),
  lazyMembers: configs.some(({ lazyMembers }) => lazyMembers === true),
})
