import { foldName, nameWords } from '#base'
import { type JsonObject, type ServerName, stringAt, type UserId } from '#spec'
import type { NamedUser, ProfileElsewhere, ProfilesReader, UserDirectoryReader } from '#store'

export interface UserDirectoryParts {
  readonly reader: UserDirectoryReader
  readonly profiles: ProfilesReader
  /** Whether the operator lets everybody of this server be found. */
  readonly everybody: boolean
  readonly serverName: ServerName
}

export type UserDirectoryAnswer = {
  readonly limited: boolean
  readonly results: readonly {
    readonly user_id: UserId
    readonly display_name?: string
    readonly avatar_url?: string
  }[]
}

const DEFAULT_LIMIT = 10
const MAX_RESULTS = 50

/**
 * `POST /user_directory/search` (client-server API, "User Directory"). It knows people, of this server and of others, by their user ids and the names of their profiles; a
 * name that somebody has in one room alone neither fits nor shows.
 */
export class UserDirectory {
  readonly #parts: UserDirectoryParts

  constructor(parts: UserDirectoryParts) {
    this.#parts = parts
  }

  async search(
    term: string,
    wished: number | undefined,
    viewer: { readonly user: number },
  ): Promise<UserDirectoryAnswer> {
    const { reader, profiles, everybody, serverName: own } = this.#parts
    const words = nameWords(term)
    if (words.length === 0) return { limited: false, results: [] }
    const { users, isCut } = await reader.named({ words, viewer: viewer.user, everybody, own })
    const fitting = users.filter((user) => words.every((word) => fits(user, word)))
    const whole = foldName(term)
    const ordered = fitting
      .map((user) => ({ user, place: placeOf(user, whole, words) }))
      .sort((one, other) => one.place - other.place || (one.user.userId < other.user.userId ? -1 : 1))
    const shown = ordered.slice(0, Math.min(wished ?? DEFAULT_LIMIT, MAX_RESULTS)).map(({ user }) => user)
    const here = shown.filter(({ elsewhere }) => elsewhere === undefined)
    const found = await profiles.profiles(here.map(({ userId }) => userId))
    return {
      limited: isCut || ordered.length > shown.length,
      results: shown.map(({ userId, elsewhere }) => ({
        user_id: userId,
        ...toldProfile(elsewhere ?? profileIn(found.get(userId) ?? {})),
      })),
    }
  }
}

/** A word with a colon is of a user id; others are looked for in the local part and the display name. */
const fits = ({ userId, names }: NamedUser, word: string): boolean =>
  word.includes(':') ? foldName(userId).includes(word) : names.includes(word)

/** Where somebody stands among the results: the name itself, then a beginning of it, a beginning of each word, and the rest. */
const placeOf = ({ userId, names }: NamedUser, whole: string, words: readonly string[]): number => {
  const [localpart = '', name = ''] = names.split('\n')
  const own = [localpart, localpart.slice(1), name, foldName(userId)]
  if (own.includes(whole)) return 0
  if (own.some((text) => text.startsWith(whole))) return 1
  const beginnings = [...own, ...name.split(' ')]
  return words.every((word) => beginnings.some((text) => text.startsWith(word))) ? 2 : 3
}

const profileIn = (profile: JsonObject): ProfileElsewhere => ({
  displayName: stringAt(profile, 'displayname'),
  avatarUrl: stringAt(profile, 'avatar_url'),
})

const toldProfile = ({
  displayName,
  avatarUrl,
}: ProfileElsewhere): { readonly display_name?: string; readonly avatar_url?: string } => ({
  ...(displayName === undefined ? {} : { display_name: displayName }),
  ...(avatarUrl?.startsWith('mxc://') === true ? { avatar_url: avatarUrl } : {}),
})
