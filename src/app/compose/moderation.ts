import type { ModerationDeps } from '#api'
import { UserRedaction } from '#domain'
import type { Ground } from './ground.ts'
import type { RoomsDomain } from './rooms.ts'
import { turnsOf } from './turns.ts'

/** Builds what moderators of rooms do with all that one user sent. */
export const buildModeration = (ground: Ground, { sending }: Pick<RoomsDomain, 'sending'>): ModerationDeps => ({
  userRedaction: new UserRedaction({
    reader: ground.store.rooms,
    redactor: sending,
    turns: turnsOf(ground, 'redaction-turn'),
  }),
})
