export { OthersEdus } from './others-edus.ts'
export { Presence } from './presence.ts'
export { PresenceLists } from './presence-lists.ts'
export {
  CURRENTLY_ACTIVE_MS,
  IDLE_AFTER_MS,
  PRESENCE_STATES,
  type PresenceEntry,
  type PresenceState,
  SYNC_GRACE_MS,
} from './presence-record.ts'
export { type ReadUpTo, Receipts } from './receipts.ts'
export { Typing } from './typing.ts'
