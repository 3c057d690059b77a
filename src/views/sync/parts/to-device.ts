import type { SyncPart } from '../request.ts'

const empty = '"to_device":{"events":[]}'

/** `to_device`: empty, as there are no messages between devices. */
export const toDevicePart: SyncPart = { empty, look: async () => ({ text: empty, isNews: false }) }
