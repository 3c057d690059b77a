import { Chore, type Clock, type Logger } from '#base'
import type { AccountsReader, Commit, RoomUpgradesReader, RoomUpgradesWriter, UpgradeFollower } from '#store'
import type { PushRules, UpgradedRooms } from '../../account-data/index.ts'
import type { RoomUpgrades } from '../../rooms/index.ts'

export interface FollowUpgradesParts {
  readonly store: {
    readonly reader: Pick<RoomUpgradesReader, 'followers'>
    readonly writer: Pick<RoomUpgradesWriter, 'followed'>
    readonly accounts: Pick<AccountsReader, 'account'>
    readonly commit: Commit
  }
  readonly pushRules: Pick<PushRules, 'copyRoom'>
  readonly upgradedRooms: Pick<UpgradedRooms, 'copyTags' | 'addDirect'>
  readonly logger: Logger
}

/**
 * Copies push rules, tags and the place in `m.direct` of users who follow a room to the one that replaced it: "When a user joins the new room, the
 * server should automatically transfer/replicate some of the user's personalized settings" (module "Room upgrades").
 */
export class FollowUpgrades {
  readonly #parts: FollowUpgradesParts

  constructor(parts: FollowUpgradesParts) {
    this.#parts = parts
  }

  /** Does not throw: the note of what failed stays, and `rest` tries again. */
  async carry(follower: UpgradeFollower): Promise<void> {
    try {
      await this.#carry(follower)
    } catch (err) {
      const { userId, to } = follower
      this.#parts.logger.warn(
        { err, userId, roomId: to },
        'settings did not follow to an upgraded room; tried again later',
      )
    }
  }

  async #carry({ userId, from, to }: UpgradeFollower): Promise<void> {
    const { store, pushRules, upgradedRooms } = this.#parts
    const account = await store.accounts.account(userId)
    if (account !== undefined) {
      const { user } = account
      await pushRules.copyRoom({ user, userId }, from, to)
      await upgradedRooms.copyTags(user, from, to)
      await upgradedRooms.addDirect(user, from, to)
    }
    await store.commit([store.writer.followed({ userId, to })])
  }

  /** Does all that was left undone. */
  async rest(stopped: () => boolean): Promise<void> {
    for (;;) {
      const page = await this.#parts.store.reader.followers(FOLLOWERS_AT_ONCE)
      for (const follower of page) {
        if (stopped()) return
        await this.#carry(follower)
      }
      if (page.length < FOLLOWERS_AT_ONCE) return
    }
  }
}

const FOLLOWERS_AT_ONCE = 50
const EVERY_MS = 3_600_000

/** Builds the work that completes upgrades which a stop interrupted, and lets settings follow that did not. Begins at the start of the server. */
export const upgradeRest = (parts: {
  readonly upgrades: Pick<RoomUpgrades, 'resume'>
  readonly followers: Pick<FollowUpgrades, 'rest'>
  readonly clock: Clock
  readonly logger: Logger
}): Chore =>
  new Chore({
    clock: parts.clock,
    logger: parts.logger,
    everyMs: EVERY_MS,
    failure: 'an upgrade of a room could not be completed; tried again in an hour',
    round: async (chore) => {
      await parts.upgrades.resume()
      await parts.followers.rest(() => chore.stopped)
    },
  })
