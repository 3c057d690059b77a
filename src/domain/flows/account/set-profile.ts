import type { JsonValue, UserId } from '#spec'
import type { Change, Commit, Turns } from '#store'
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

export interface SetProfileParts {
  readonly profiles: Profiles
  readonly commit: Commit
  readonly members: MemberUpdater
  readonly news: ProfileNews
  /** One change at a time for each user, so that rooms end with what the profile ends with. */
  readonly turns: Turns
}

/** Changes a profile and tells everybody ("Events on Change of Profile Information"). */
export class SetProfile {
  readonly #parts: SetProfileParts

  constructor(parts: SetProfileParts) {
    this.#parts = parts
  }

  /** Throws what `Profiles.setting` throws. */
  async set(owner: ProfileOwner, key: string, value: JsonValue): Promise<void> {
    await this.#change(owner, key, () => this.#parts.profiles.setting(owner, key, value))
  }

  /** Throws what `Profiles.removing` throws. */
  async remove(owner: ProfileOwner, key: string): Promise<void> {
    await this.#change(owner, key, async () => this.#parts.profiles.removing(owner, key))
  }

  async #change(owner: ProfileOwner, key: string, change: () => Promise<Change<void>>): Promise<void> {
    await this.#parts.turns.run(owner.userId, async () => {
      const before = await this.#parts.profiles.memberFields(owner.userId)
      await this.#parts.commit([await change()])
      if (!isMemberKey(key)) return
      const { userId } = owner
      const after = await this.#parts.profiles.memberFields(userId)
      if (after.displayname === before.displayname && after.avatar_url === before.avatar_url) return
      this.#parts.news.profileChanged(userId, after)
      await this.#parts.members.updateProfile(userId, { displayname: after.displayname, avatarUrl: after.avatar_url })
    })
  }
}
