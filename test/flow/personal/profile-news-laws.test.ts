import { expect, it } from 'vitest'
import { Dice } from '../../crash/dice.ts'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { FORMS, type Form, SlidingConnection, type SlidingWish } from '../sliding-sync/connection.ts'

const enc = encodeURIComponent
const KEYS = ['org.example.a', 'org.example.b', 'org.example.c'] as const
const ASKED: readonly (readonly string[])[] = [[KEYS[0]], [KEYS[0], KEYS[1]], KEYS, [KEYS[2], KEYS[1]]]
const USERS = 5
const ROOMS = 4
const STEPS = 220

/** The fields of each user that a client knows, by user id. */
type View = Readonly<Record<string, Readonly<Record<string, string>>>>

/** The truth, by the plainest means. */
interface Truth {
  readonly users: readonly TestClient[]
  readonly joined: readonly Set<number>[]
  readonly fields: readonly Map<string, string>[]
  readonly ignores: readonly Set<number>[]
}

/** The view that a client of `viewer` is to have of the fields that it asks for. */
const expectedView = ({ users, joined, fields, ignores }: Truth, viewer: number, asked: readonly string[]): View => {
  const view: [string, Record<string, string>][] = []
  for (const [user, { userId }] of users.entries()) {
    const shares = joined.some((members) => members.has(user) && members.has(viewer))
    if (user !== viewer && (!shares || ignores[viewer]?.has(user) === true)) continue
    const known = [...(fields[user] ?? [])].filter(([key]) => asked.includes(key))
    if (known.length > 0) view.push([userId, Object.fromEntries(known)])
  }
  return Object.fromEntries(view)
}

/** A client that keeps what it is told, as its SDK does. */
abstract class Keeping {
  readonly user: number
  asked: readonly string[] = KEYS
  readonly #kept = new Map<string, Map<string, string>>()

  constructor(user: number) {
    this.user = user
  }

  abstract next(): Promise<void>

  protected forget(userId: string): void {
    this.#kept.delete(userId)
  }

  protected set(userId: string, key: string, value: string): void {
    this.#kept.set(userId, (this.#kept.get(userId) ?? new Map()).set(key, value))
  }

  protected unset(userId: string, key: string): void {
    this.#kept.get(userId)?.delete(key)
  }

  get view(): View {
    const known = [...this.#kept].map(
      ([userId, fields]) =>
        [userId, Object.fromEntries([...fields].filter(([key]) => this.asked.includes(key)))] as const,
    )
    return Object.fromEntries(known.filter(([, fields]) => Object.keys(fields).length > 0))
  }
}

class SyncKeeping extends Keeping {
  readonly #client: TestClient
  #since: string | undefined

  constructor(user: number, client: TestClient) {
    super(user)
    this.#client = client
  }

  override async next(): Promise<void> {
    const filter = JSON.stringify({
      presence: { types: [] },
      'org.matrix.msc4429.profile_fields': { ids: this.asked },
    })
    const answer = await this.#client.sync({ filter, ...(this.#since === undefined ? {} : { since: this.#since }) })
    this.#since = answer.next_batch
    for (const [userId, { profile_updates: updates }] of Object.entries<Json>(
      answer['org.matrix.msc4429.users'] ?? {},
    )) {
      if (updates === null) this.forget(userId)
      else
        for (const [key, value] of Object.entries<Json>(updates)) {
          expect(this.asked).toContain(key)
          if (value === null) this.unset(userId, key)
          else this.set(userId, key, value)
        }
    }
  }
}

const NAME = 'org.matrix.msc4262.profiles'

class SlidingKeeping extends Keeping {
  readonly #connection: SlidingConnection
  readonly #dice: Dice

  constructor(user: number, client: TestClient, form: Form, dice: Dice) {
    super(user)
    this.#connection = new SlidingConnection(client, form, form)
    this.#dice = dice
  }

  override async next(): Promise<void> {
    const wish: SlidingWish = {
      lists: { all: { timelineLimit: 1 } },
      otherExtensions: { [NAME]: { enabled: true, fields: this.asked } },
    }
    // The answer is lost, and the request comes again.
    if (this.#dice.between(0, 3) === 0) expect((await this.#connection.ask(wish)).status).toBe(200)
    const answer = await this.#connection.next(wish)
    for (const [userId, told] of Object.entries<Json>(answer.extensions[NAME]?.users ?? {})) {
      if (told === null) this.forget(userId)
      for (const [key, value] of Object.entries<string>(told?.updated ?? {})) {
        expect(this.asked).toContain(key)
        this.set(userId, key, value)
      }
      for (const key of told?.removed ?? []) this.unset(userId, key)
    }
  }
}

onEveryHomeserver(
  'what clients know of profiles, in any order of changes, joins, leaves, ignoring and restarts',
  (start) => {
    it.each([1, 2, 3])(
      'is what the plain model says: %i',
      async (seed) => {
        await using homeserver = await start()
        const dice = new Dice(20_261_129 + seed)
        const truth = await begin(homeserver)
        const { users, joined, fields, ignores } = truth
        const rooms: string[] = []
        const owner = await homeserver.register('owner')
        for (let room = 0; room < ROOMS; room++) rooms.push(await owner.createRoom({ preset: 'public_chat' }))
        const clients: Keeping[] = users.flatMap((client, user) => [
          new SyncKeeping(user, client),
          ...FORMS.map((form) => new SlidingKeeping(user, client, form, dice)),
        ])
        const check = async (client: Keeping, step: number): Promise<void> => {
          await client.next()
          const told = [step, client.constructor.name, client.user]
          expect([...told, client.view]).toEqual([...told, expectedView(truth, client.user, client.asked)])
        }
        const step = async (): Promise<void> => {
          const [user, room] = [dice.between(0, USERS - 1), dice.between(0, ROOMS - 1)]
          const [client, members] = [users[user] as TestClient, joined[room] as Set<number>]
          const [roomId, key] = [rooms[room] as string, KEYS[dice.between(0, KEYS.length - 1)] as string]
          switch (dice.between(0, 11)) {
            case 0:
            case 1:
              await client.join(roomId)
              members.add(user)
              return
            case 2:
              if (members.delete(user)) await client.leave(roomId)
              return
            case 3:
              if (members.delete(user)) await owner.kick(roomId, client.userId)
              return
            case 4:
            case 5:
            case 6: {
              const value = `${dice.between(0, 9)}`
              await client.setProfileField(key, value)
              fields[user]?.set(key, value)
              return
            }
            case 7:
              await client.removeProfileField(key)
              fields[user]?.delete(key)
              return
            case 8: {
              const [other, ofUser] = [dice.between(0, USERS - 1), ignores[user] as Set<number>]
              if (!ofUser.delete(other)) ofUser.add(other)
              const ignored = [...ofUser].map((one) => [users[one]?.userId, {}])
              await client.put(`/v3/user/${enc(client.userId)}/account_data/m.ignored_user_list`, {
                ignored_users: Object.fromEntries(ignored),
              })
              return
            }
            case 9: {
              const asking = clients[dice.between(0, clients.length - 1)] as Keeping
              asking.asked = ASKED[dice.between(0, ASKED.length - 1)] as readonly string[]
              return
            }
            case 10:
              if (dice.between(0, 9) === 0) await homeserver.restart()
              else await owner.sendText(roomId, 'something else')
              return
            default:
              if (members.has(user))
                await client.setState(roomId, 'm.room.member', client.userId, {
                  membership: 'join',
                  displayname: `${dice.between(0, 9)}`,
                })
          }
        }
        for (let count = 0; count < STEPS; count++) {
          await step()
          for (const client of clients) if (dice.between(0, 19) === 0) await check(client, count)
        }
        for (const client of clients) await check(client, STEPS)
      },
      300_000,
    )
  },
)

const begin = async (homeserver: TestHomeserver): Promise<Truth> => {
  const users: TestClient[] = []
  for (let user = 0; user < USERS; user++) users.push(await homeserver.register(`user-${user}`))
  return {
    users,
    joined: Array.from({ length: ROOMS }, () => new Set<number>()),
    fields: users.map(() => new Map<string, string>()),
    ignores: users.map(() => new Set<number>()),
  }
}
