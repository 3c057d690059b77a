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
  /** Throws where a check of the operator refuses the value. undefined: none is made. */
  readonly check?: ((userId: UserId, key: string, value: JsonValue) => Promise<void>) | undefined
}

interface FieldChange {
  /** undefined: the field is removed. */
  readonly value: JsonValue | undefined
  readonly propagates: boolean
  readonly change: () => Promise<Change<void>>
}

/** Changes a profile and tells everybody ("Events on Change of Profile Information"). Resolves when the profile is stored; the user's rooms follow. */
export class SetProfile {
  readonly #parts: SetProfileParts

  constructor(parts: SetProfileParts) {
    this.#parts = parts
  }

  /** `propagates`: whether member events follow the change of a name or picture. Throws what `Profiles.setting` throws. */
  async set(owner: ProfileOwner, key: string, value: JsonValue, propagates = true): Promise<void> {
    await this.#parts.check?.(owner.userId, key, value)
    const change = () => this.#parts.profiles.setting(owner, key, value)
    await this.#change(owner, key, { value, propagates, change })
  }

  /** Throws what `Profiles.removing` throws. */
  async remove(owner: ProfileOwner, key: string, propagates = true): Promise<void> {
    const change = async () => this.#parts.profiles.removing(owner, key)
    await this.#change(owner, key, { value: undefined, propagates, change })
  }

  async #change(owner: ProfileOwner, key: string, { value, propagates, change }: FieldChange): Promise<void> {
    const { profiles, updates, commit, rooms, news, turns } = this.#parts
    await turns.run(owner.userId, async () => {
      const field = await change()
      const before = isMemberKey(key) ? await profiles.memberFields(owner.userId) : undefined
      if (before === undefined || !isMemberKey(key) || before[key] === value) {
        await commit([field])
        return
      }
      await commit(propagates ? [field, updates.begin(owner.user, key)] : [field])
      if (propagates) rooms.hurry()
      news.profileChanged(owner.userId, await profiles.memberFields(owner.userId))
    })
  }
}
