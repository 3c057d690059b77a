import type { UserTables } from '../engine/index.ts'

export interface ToDeviceTables extends UserTables {
  readonly devices: {
    readonly device: number
    readonly user_number: number
    readonly device_id: string
    readonly seen_ms: number | null
  }
  readonly dehydrated_devices: { readonly device: number }
  readonly gone_devices: { readonly device: number; readonly user_number: number; readonly device_id: string }
  readonly to_device_messages: {
    readonly device: number
    readonly position: number
    readonly sender: number
    readonly type: string
    readonly content_json: string
    readonly size_bytes: number
    readonly total_bytes: number
  }
  readonly to_device_transactions: { readonly source: string; readonly id: string; readonly at_ms: number }
}
