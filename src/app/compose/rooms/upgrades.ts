import type { Chore } from '#base'
import { FollowUpgrades, upgradeRest } from '#domain'
import { writers } from '#store'
import type { Ground } from '../ground/ground.ts'
import type { Personal } from '../personal/personal.ts'
import type { RoomsDomain } from './rooms.ts'

export const buildFollowUpgrades = (
  { store, logger }: Ground,
  { pushRules, upgradedRooms }: Pick<Personal, 'pushRules' | 'upgradedRooms'>,
): FollowUpgrades => {
  const kept = { reader: store.roomUpgrades, writer: writers.roomUpgrades, accounts: store.accounts }
  return new FollowUpgrades({ store: { ...kept, commit: store.commit }, pushRules, upgradedRooms, logger })
}

/** Builds the work that completes interrupted upgrades. Does not start it. */
export const buildUpgradeRest = (
  { clock, logger }: Ground,
  { upgrades, followers }: Pick<RoomsDomain, 'upgrades' | 'followers'>,
): Chore => upgradeRest({ upgrades, followers, clock, logger })
