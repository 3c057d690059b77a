import { Newcomers } from '#domain'
import { Interest } from '#outbox'
import type { FilledCache } from './measure.ts'

const service = {
  id: 'bridge',
  registration: { url: 'http://bridge.example' },
  hasUser: () => true,
  hasRoom: () => false,
  hasAlias: () => false,
}

/** Stays that do not touch, so that none of them is merged with another. */
const staysOf = (room: number) =>
  Array.from({ length: 25 }, (_, k) => ({
    userId: `@bridged_${room}_${k}:example.org`,
    membership: 'join',
    from: room * 1_000 + 2 * k,
    until: room * 1_000 + 2 * k + 1,
  }))

const interest = (): Interest =>
  new Interest({
    own: 'example.org',
    services: () => [service],
    rooms: {
      room: async (room: number) => ({ roomId: `!${room}:example.org` }),
      aliasesOf: async () => [],
      staysOfServer: async (room: number) => staysOf(room),
    },
    users: { userIds: async ([user]: readonly number[]) => [`@${`${user}`.padStart(200, 'x')}:example.org`] },
  } as never)

const cacheOf = (from: Interest, name: string) => {
  const cache = from.caches.find((one) => one.stats().name === name)
  if (cache === undefined) throw new Error(`no cache has the name ${name}`)
  return cache
}

/** The caches of application services, and of limits for new accounts. */
export const SERVICE_CACHES: Readonly<Record<string, () => FilledCache>> = {
  'appservice-rooms': () => {
    const from = interest()
    return {
      stats: () => cacheOf(from, 'appservice-rooms').stats(),
      add: (room) => from.servicesIn(room as never),
    }
  },
  'appservice-users': () => {
    const from = interest()
    return {
      stats: () => cacheOf(from, 'appservice-users').stats(),
      add: (user) => from.usersOfServices([user as never]),
    }
  },
  'old-accounts': () => {
    const newcomers = new Newcomers({
      ageMs: 1,
      rates: { message: { requests: 1, perSeconds: 1 } },
      clock: { nowMs: () => 1_000 },
      accounts: { account: async () => ({ createdAtMs: 0 }) },
    } as never)
    return {
      stats: () => newcomers.stats(),
      add: (user) => newcomers.count(`@${`${user}`.padStart(200, 'x')}:example.org` as never, 'message'),
    }
  },
}
