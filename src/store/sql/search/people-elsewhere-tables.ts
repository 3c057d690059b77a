import { queriesOver } from '../engine/index.ts'
import type { RoomTables } from '../rooms/tables.ts'
import type { NameTables } from './names.ts'

/** Migration 0980 names owners and life times. */
export interface PeopleElsewhereTables {
  readonly people_elsewhere: {
    readonly user_number: number
    readonly server: number
    readonly display_name: string | null
    readonly avatar_url: string | null
    readonly asked_ms: number | null
    readonly ask_at_ms: number | null
    readonly failures: number
    readonly wanted_at: number
  }
  readonly user_names_elsewhere: NameTables['user_names']
  readonly name_servers: {
    readonly server: number
    readonly kept: number
    readonly ask_at_ms: number | null
    readonly failures: number
  }
  readonly people_elsewhere_progress: {
    readonly place: number
    readonly position: number
    readonly user_number: number
    readonly swept: number
    readonly kept: number
  }
}

export type TablesAround = PeopleElsewhereTables &
  Pick<RoomTables, 'memberships' | 'users' | 'servers' | 'room_servers' | 'state_log' | 'events' | 'rooms_to_name'>

export const query = queriesOver<TablesAround>()
