import { queriesOver } from '../engine/index.ts'
import type { RoomTables } from '../rooms/tables.ts'

/** Migration 0590. */
export interface FederationOutTables extends RoomTables {
  readonly federation_progress: { readonly place: number; readonly position: number }
  readonly destinations_behind: {
    readonly server: number
    readonly position: number
    readonly failures: number
    readonly failing_since: number
    readonly retry_at: number | null
    readonly last_success: number | null
  }
  readonly forwarded_events: { readonly place: number; readonly event_id: string }
  readonly outgoing_edus: { readonly edu: number; readonly json: string }
  readonly waiting_edus: { readonly server: number; readonly edu: number; readonly edu_key: string | null }
}

export const query = queriesOver<FederationOutTables>()
