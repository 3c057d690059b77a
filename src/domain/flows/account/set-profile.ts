import type { JsonValue, UserId } from '#spec'
import type { Change, Commit, ProfileUpdatesWriter, Turns } from '#store'
import { isMemberKey, type MemberFields, type ProfileOwner, type Profiles } from '../../profiles/index.ts'

/** Tells those who see the user's presence. */
export interface ProfileNews {
  profileChanged(userId: UserId, profile: MemberFields): void
}

export interface SetProfileParts {
  readonly profiles: Profiles
  readonly updates: ProfileUpdatesWriter
  readonly commit: Commit
  /** Carries the profile into rooms, behind the answer. */
  readonly rooms: { hurry(): void }
  readonly news: ProfileNews
  /** One change at a time for each user, so that others are told what the profile ends with. */
  readonly turns: Turns
}

/** Changes a profile and tells everybody ("Events on Change of Profile Information"). Resolves when the profile is stored; the user's rooms follow. */
export class SetProfile {
  readonly #parts: SetProfileParts

  constructor(parts: SetProfileParts) {
    this.#parts = parts
  }

  /** Throws what `Profiles.setting` throws. */
  async set(owner: ProfileOwner, key: string, value: JsonValue): Promise<void> {
    await this.#change(owner, key, value, () => this.#parts.profiles.setting(owner, key, value))
  }

  /** Throws what `Profiles.removing` throws. */
  async remove(owner: ProfileOwner, key: string): Promise<void> {
    await this.#change(owner, key, undefined, async () => this.#parts.profiles.removing(owner, key))
  }

  async #change(
    owner: ProfileOwner,
    key: string,
    value: JsonValue | undefined,
    change: () => Promise<Change<void>>,
  ): Promise<void> {
    const { profiles, updates, commit, rooms, news, turns } = this.#parts
    await turns.run(owner.userId, async () => {
      const field = await change()
      const before = isMemberKey(key) ? await profiles.memberFields(owner.userId) : undefined
      if (before === undefined || before[key as keyof MemberFields] === value) {
        await commit([field])
        return
      }
      await commit([field, updates.begin(owner.user)])
      rooms.hurry()
      news.profileChanged(owner.userId, await profiles.memberFields(owner.userId))
    })
  }
}
