import { type CacheStats, LatestValues, type Slices, type Soon, textBytes } from '#base'
import { isJsonObject, objectAt, parseUserId, type UserId } from '#spec'
import type { AccountDataReader, DeviceListsReader, UserNumber } from '#store'
import { type News, onAccountDataOf } from './news.ts'

const IGNORED_USER_LIST = 'm.ignored_user_list'
const CACHE_BYTES = 16 * 1024 * 1024
const SET_ENTRY_BYTES = 40
const NOBODY: ReadonlySet<UserId> = new Set()

export interface IgnoredList {
  readonly users: ReadonlySet<UserId>
  /** Position of its last change in the stream of account data; 0: never set. */
  readonly position: number
}

export interface IgnoredUsersParts {
  readonly reader: AccountDataReader
  readonly people: Pick<DeviceListsReader, 'userIds'>
  readonly news: News
  readonly slices: Slices
}

/** The users whom a user ignores (module "Ignoring Users"). */
export class IgnoredUsers {
  readonly #reader: AccountDataReader
  readonly #people: IgnoredUsersParts['people']
  readonly #slices: Slices
  readonly #lists = new LatestValues<UserNumber, IgnoredList>({
    name: 'ignored-users',
    limitBytes: CACHE_BYTES,
    sizeBytes: ({ users }) => [...users].reduce((bytes, userId) => bytes + SET_ENTRY_BYTES + textBytes(userId), 120),
  })

  constructor({ reader, people, news, slices }: IgnoredUsersParts) {
    this.#reader = reader
    this.#people = people
    this.#slices = slices
    onAccountDataOf(news, (user) => (user === 'all' ? this.#lists.clear() : this.#lists.forget(user)))
  }

  ignoredBy(user: UserNumber): Soon<ReadonlySet<UserId>> {
    const list = this.listOf(user)
    return list instanceof Promise ? list.then(({ users }) => users) : list.users
  }

  listNow(user: UserNumber): IgnoredList | undefined {
    return this.#lists.now(user)
  }

  listOf(user: UserNumber): Soon<IgnoredList> {
    return this.#lists.soon(user, async () => {
      const entry = await this.#reader.global(user, IGNORED_USER_LIST)
      if (entry === undefined) return { users: NOBODY, position: 0 }
      const users = await ignoredIn(entry.contentJson, this.#slices)
      if (users.size === 0) return { users: NOBODY, position: entry.position }
      // A client may put its own user there. Nobody can be hidden from themselves: they would lose what they wrote (Synapse does the same).
      for (const own of await this.#people.userIds([user])) users.delete(own)
      return { users, position: entry.position }
    })
  }

  stats(): CacheStats {
    return this.#lists.stats()
  }
}

/** A list may have ten thousands of users. */
const ignoredIn = async (contentJson: string, slices: Slices): Promise<Set<UserId>> => {
  const slice = slices.begin()
  const content: unknown = JSON.parse(contentJson)
  const users = isJsonObject(content) ? objectAt(content, 'ignored_users') : undefined
  const ignored = new Set<UserId>()
  for (const text of Object.keys(users ?? {})) {
    const userId = parseUserId(text)
    if (userId !== undefined) ignored.add(userId)
    if (slice.isOver()) await slice.next()
  }
  return ignored
}
