import { type CacheStats, LatestValues } from '#base'
import { isJsonObject, objectAt, parseUserId, type UserId } from '#spec'
import type { AccountDataReader, UserNumber } from '#store'
import { type News, onAccountDataOf } from './news.ts'

const IGNORED_USER_LIST = 'm.ignored_user_list'
const CACHE_BYTES = 16 * 1024 * 1024
const NOBODY: ReadonlySet<UserId> = new Set()

export interface IgnoredUsersParts {
  readonly reader: AccountDataReader
  readonly news: News
}

/** The users whom a user ignores (module "Ignoring Users"). */
export class IgnoredUsers {
  readonly #reader: AccountDataReader
  readonly #sets = new LatestValues<UserNumber, ReadonlySet<UserId>>({
    name: 'ignored-users',
    limitBytes: CACHE_BYTES,
    sizeBytes: (set) => 64 + set.size * 120,
  })

  constructor({ reader, news }: IgnoredUsersParts) {
    this.#reader = reader
    onAccountDataOf(news, (user) => (user === 'all' ? this.#sets.clear() : this.#sets.forget(user)))
  }

  ignoredBy(user: UserNumber): Promise<ReadonlySet<UserId>> {
    return this.#sets.get(user, async () => {
      const entry = await this.#reader.global(user, IGNORED_USER_LIST)
      return entry === undefined ? NOBODY : ignoredIn(entry.contentJson)
    })
  }

  stats(): CacheStats {
    return this.#sets.stats()
  }
}

const ignoredIn = (contentJson: string): ReadonlySet<UserId> => {
  const content: unknown = JSON.parse(contentJson)
  const users = isJsonObject(content) ? objectAt(content, 'ignored_users') : undefined
  const ignored = Object.keys(users ?? {})
    .map(parseUserId)
    .filter((userId) => userId !== undefined)
  return ignored.length === 0 ? NOBODY : new Set(ignored)
}
