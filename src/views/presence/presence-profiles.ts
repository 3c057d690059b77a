import type { ProfilesReader } from '#store'
import type { PresenceEntry } from './presence-now.ts'
import { presenceText } from './presence-text.ts'

/**
 * `m.presence` of a list of users, for initial syncs and presence lists. Clients of 2015 take names and pictures from it, so their form
 * includes each user's profile; later changes of a profile come with the presence itself.
 */
export class PresenceProfiles {
  readonly #profiles: Pick<ProfilesReader, 'profiles'>

  constructor(profiles: Pick<ProfilesReader, 'profiles'>) {
    this.#profiles = profiles
  }

  /** The events' JSON texts, joined by commas. */
  async texts(entries: readonly PresenceEntry[], isOld: boolean): Promise<string> {
    if (!isOld) return entries.map((entry) => presenceText(entry, 'stream')).join()
    const profiles = await this.#profiles.profiles(entries.map(({ userId }) => userId))
    const withProfile = ({ userId, content }: PresenceEntry): PresenceEntry => {
      const { displayname, avatar_url: avatarUrl } = profiles.get(userId) ?? {}
      const profile = {
        ...(displayname === undefined ? {} : { displayname }),
        ...(avatarUrl === undefined ? {} : { avatar_url: avatarUrl }),
      }
      return { userId, content: { ...content, ...profile } }
    }
    return entries.map((entry) => presenceText(withProfile(entry), 'old')).join()
  }
}
