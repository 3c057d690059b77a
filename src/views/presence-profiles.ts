import type { ProfilesReader } from '#store'
import { presenceText } from './presence-text.ts'
import type { PresenceEntry } from './sync/request.ts'

/**
 * `m.presence` of a list of people, for answers that begin something: initial syncs and presence lists. Clients of 2015 took names and
 * pictures from there, and are given the profile of each; later changes of it come with the presence themselves.
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
