import { isOldPath, type Requester } from '#http'
import type { RoomViewer } from '#views'

/** Who reads, and in which form events are answered: that of the path's prefix. */
export const viewerOf = ({ userId, user, device }: Requester, path: string): RoomViewer =>
  isOldPath(path) ? { userId, user, device, form: 'old' } : { userId, user, device }
