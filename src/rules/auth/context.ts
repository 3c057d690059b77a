import type { RoomEvent, RoomVersion } from '#spec'
import { stringAt } from '#spec'
import type { PowerLevels } from './power-levels.ts'
import { powerLevelsOf } from './power-levels.ts'

/**
 * The state against which an event is checked. Must know the create event in every room version, also where events do
 * not cite it, and must never answer with a rejected event other than create.
 */
export type StateLookup = (type: string, stateKey: string) => RoomEvent | undefined

/** The values that all rules but the first share. */
export interface AuthContext {
  readonly version: RoomVersion
  readonly event: RoomEvent
  readonly create: RoomEvent
  readonly stateAt: StateLookup
}

/** undefined: never was in the room. */
export const membershipOf = (stateAt: StateLookup, userId: string): string | undefined => {
  const member = stateAt('m.room.member', userId)
  return member === undefined ? undefined : stringAt(member.content, 'membership')
}

export const levelsOf = ({ version, create, stateAt }: AuthContext): PowerLevels =>
  powerLevelsOf(version, create, stateAt('m.room.power_levels', ''))
