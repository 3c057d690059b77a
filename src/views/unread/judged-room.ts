import type { PowerLevels } from '#rules'
import type { JsonObject } from '#spec'
import type { RoomRecord } from '#store'

/** The facts of a room that push rules ask for, as they are now. */
export interface JudgedRoom {
  readonly record: RoomRecord
  readonly levels: PowerLevels
  /** `notifications` of the power levels. */
  readonly notificationLevels: JsonObject | undefined
  /** Position of the power levels that are in force; 0 for none. */
  readonly levelsPosition: number
}
