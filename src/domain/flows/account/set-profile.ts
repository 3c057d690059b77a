import { KeyedLock } from '#base'
import type { JsonValue, UserId } from '#spec'
import type { Change, Commit } from '#store'
import { isMemberKey, type MemberFields, type ProfileOwner, type Profiles } from '../../profiles/index.ts'

/** Puts new values into the member events of the user's joined rooms. One room's refusal does not keep it from the others. */
export interface MemberUpdater {
  updateProfile(
    userId: UserId,
    profile: { readonly displayname: string | undefined; readonly avatarUrl: string | undefined },
  ): Promise<void>
}

/** Tells those who see the user's presence. */
export interface ProfileNews {
  profileChanged(userId: UserId, profile: MemberFields): void
}

/** Changes a profile and tells everybody ("Events on Change of Profile Information"). */
export class SetProfile {
  readonly #profiles: Profiles
  readonly #commit: Commit
  readonly #members: MemberUpdater
  readonly #news: ProfileNews
  readonly #turns = new KeyedLock<UserId>()

  constructor(options: {
    readonly profiles: Profiles
    readonly commit: Commit
    readonly members: MemberUpdater
    readonly news: ProfileNews
  }) {
    this.#profiles = options.profiles
    this.#commit = options.commit
    this.#members = options.members
    this.#news = options.news
  }

  /** Throws what `Profiles.setting` throws. */
  async set(owner: ProfileOwner, key: string, value: JsonValue): Promise<void> {
    await this.#change(owner, key, () => this.#profiles.setting(owner, key, value))
  }

  /** Throws what `Profiles.removing` throws. */
  async remove(owner: ProfileOwner, key: string): Promise<void> {
    await this.#change(owner, key, async () => this.#profiles.removing(owner, key))
  }

  /** One at a time for each user, so that rooms end with what the profile ends with. */
  async #change(owner: ProfileOwner, key: string, change: () => Promise<Change<void>>): Promise<void> {
    await this.#turns.run(owner.userId, async () => {
      const before = await this.#profiles.memberFields(owner.userId)
      await this.#commit([await change()])
      if (!isMemberKey(key)) return
      const { userId } = owner
      const after = await this.#profiles.memberFields(userId)
      if (after.displayname === before.displayname && after.avatar_url === before.avatar_url) return
      this.#news.profileChanged(userId, after)
      await this.#members.updateProfile(userId, { displayname: after.displayname, avatarUrl: after.avatar_url })
    })
  }
}
