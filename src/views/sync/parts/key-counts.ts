import type { SyncPart } from '../request.ts'

const empty = '"device_one_time_keys_count":{},"device_unused_fallback_key_types":[]'

/** Counts of one-time keys and unused fallback keys: empty, as devices have no keys. */
export const keyCountsPart: SyncPart = { empty, look: async () => ({ text: empty, isNews: false }) }
