import { afterAll, beforeAll, expect, it } from 'vitest'
import { Dice } from '../../crash/dice.ts'
import type { TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { deviceKeysOf, upload } from './fixture.ts'

/** The state of one moment, by the plainest means: who is in which room, and how often the keys of each changed. */
interface Moment {
  readonly joined: readonly ReadonlySet<number>[]
  readonly changes: readonly number[]
  /** The `/sync` token of each user. */
  readonly tokens: readonly string[]
}

const USERS = 5
const ROOMS = 4
const STEPS = 90
/** On both databases together, these windows and those up to the end are more than 5,000 cases. */
const WINDOWS = 2_400

const shares = (moment: Moment, one: number, other: number): boolean =>
  moment.joined.some((members) => members.has(one) && members.has(other))

/** `device_lists` as the specification has it, from the two ends of a window. */
const expected = (start: Moment, end: Moment, viewer: number): { changed: number[]; left: number[] } => {
  const users = Array.from({ length: USERS }, (_, user) => user)
  const hasNewKeys = (user: number): boolean => end.changes[user] !== start.changes[user]
  return {
    changed: users.filter((user) =>
      user === viewer
        ? hasNewKeys(user)
        : shares(end, viewer, user) && (hasNewKeys(user) || !shares(start, viewer, user)),
    ),
    left: users.filter((user) => user !== viewer && shares(start, viewer, user) && !shares(end, viewer, user)),
  }
}

onEveryHomeserver('changed and left, in any order of joins, leaves, uploads and gaps', (start) => {
  let homeserver: TestHomeserver
  let users: TestClient[]
  let rooms: string[]
  const moments: Moment[] = []
  const dice = new Dice(20_261_128)

  const joined = Array.from({ length: ROOMS }, () => new Set<number>())
  const changes = Array.from({ length: USERS }, () => 0)
  const phones = new Map<number, TestClient>()

  /** The first user is in no room to begin with, and owns none: the rooms belong to somebody else. */
  let owner: TestClient
  const client = (user: number): TestClient => users[user] as TestClient
  const room = (number: number): string => rooms[number] as string

  const step = async (): Promise<void> => {
    const [user, at] = [dice.between(0, USERS - 1), dice.between(0, ROOMS - 1)]
    const members = joined[at] as Set<number>
    switch (dice.between(0, 9)) {
      case 0:
      case 1:
      case 2:
        await client(user).join(room(at))
        members.add(user)
        return
      case 3:
      case 4:
        if (members.delete(user)) await client(user).leave(room(at))
        return
      case 5:
        if (!members.delete(user)) return
        await owner.kick(room(at), client(user).userId)
        return
      case 6: {
        const phone = phones.get(user)
        if (phone === undefined) {
          const fresh = await client(user).loginAgain()
          await upload(fresh, { device_keys: deviceKeysOf(fresh) })
          phones.set(user, fresh)
        } else {
          await phone.post('/v3/logout')
          phones.delete(user)
        }
        changes[user] = (changes[user] ?? 0) + 1
        return
      }
      case 7:
        await upload(client(user), { device_keys: deviceKeysOf(client(user)) })
        changes[user] = (changes[user] ?? 0) + 1
        return
      case 8:
        if (members.has(user))
          await client(user).setState(room(at), 'm.room.member', client(user).userId, {
            membership: 'join',
            displayname: `${dice.between(0, 9)}`,
          })
        return
      default:
        await owner.sendText(room(at), 'something else')
    }
  }

  const remember = async (): Promise<void> => {
    const tokens = await Promise.all(users.map(async (user) => (await user.sync({ filter: QUIET })).next_batch))
    moments.push({ joined: joined.map((members) => new Set(members)), changes: [...changes], tokens })
  }

  const numbersOf = (ids: readonly string[]): number[] =>
    ids
      .filter((id) => id !== owner.userId)
      .map((id) => users.findIndex(({ userId }) => userId === id))
      .toSorted((one, other) => one - other)

  beforeAll(async () => {
    homeserver = await start()
    owner = await homeserver.register('owner')
    users = []
    for (let user = 0; user < USERS; user += 1) users.push(await homeserver.register(`user-${user}`))
    rooms = []
    for (let at = 0; at < ROOMS; at += 1) rooms.push(await owner.createRoom({ preset: 'public_chat' }))
    await remember()
    for (let count = 0; count < STEPS; count += 1) {
      await step()
      await remember()
    }
  }, 300_000)
  afterAll(() => homeserver.stop())

  it('are those of the plain model for any two tokens of /sync', async () => {
    for (let count = 0; count < WINDOWS; count += 1) {
      const [one, other, viewer] = [dice.between(0, STEPS), dice.between(0, STEPS), dice.between(0, USERS - 1)]
      const [from, to] = [moments[Math.min(one, other)], moments[Math.max(one, other)]]
      if (from === undefined || to === undefined) throw new Error('there is no such moment')
      const query = { from: from.tokens[viewer] ?? '', to: to.tokens[viewer] ?? '' }
      const answer = await client(viewer).get('/v3/keys/changes', query)
      const found = { changed: numbersOf(answer.changed), left: numbersOf(answer.left) }
      expect([one, other, viewer, found]).toEqual([one, other, viewer, expected(from, to, viewer)])
    }
  }, 300_000)

  it('are those of the plain model in a /sync from any token', async () => {
    const end = moments.at(-1)
    if (end === undefined) throw new Error('nothing happened')
    for (const [index, from] of moments.entries()) {
      for (let viewer = 0; viewer < USERS; viewer += 1) {
        const { device_lists: lists } = await client(viewer).sync({ since: from.tokens[viewer], filter: QUIET })
        const found = { changed: numbersOf(lists.changed), left: numbersOf(lists.left) }
        expect([index, viewer, found]).toEqual([index, viewer, expected(from, end, viewer)])
      }
    }
  }, 300_000)
})

const QUIET = JSON.stringify({ room: { timeline: { limit: 1 } }, presence: { not_types: ['*'] } })
