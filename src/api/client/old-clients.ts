import { isOldPath, type Requester } from '#http'
import type { RoomViewer } from '#views'

/** The reader of events, with the form of events that fits the path's prefix. */
export const viewerOf = ({ userId, user, device }: Requester, path: string): RoomViewer =>
  isOldPath(path) ? { userId, user, device, form: 'old' } : { userId, user, device }
