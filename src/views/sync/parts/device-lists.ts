import type { SyncPart } from '../request.ts'

const empty = '"device_lists":{"changed":[],"left":[]}'

/** `device_lists`: empty, as devices have no keys that could change. */
export const deviceListsPart: SyncPart = { empty, look: async () => ({ text: empty, isNews: false }) }
