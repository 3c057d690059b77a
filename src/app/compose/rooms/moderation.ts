import type { ModerationDeps } from '#api'
import { ShadowIds, UserRedaction } from '#domain'
import type { Ground } from '../ground/ground.ts'
import { turnsOf } from '../ground/turns.ts'
import type { RoomsDomain } from './rooms.ts'

/** Builds the answers to those whose deeds reach nobody. */
export const shadowIdsOf = ({ databaseId: key, config }: Pick<Ground, 'databaseId' | 'config'>): ShadowIds =>
  new ShadowIds({ key, serverName: config.server.name })

export const shadowApi = (ground: Ground): { readonly shadowIds: ShadowIds; newSecret(): string } => ({
  shadowIds: shadowIdsOf(ground),
  newSecret: () => ground.random.token(43),
})

/** Builds what moderators of rooms do with all that one user sent. */
export const buildModeration = (ground: Ground, { sending }: Pick<RoomsDomain, 'sending'>): ModerationDeps => ({
  userRedaction: new UserRedaction({
    reader: ground.store.rooms,
    redactor: sending,
    turns: turnsOf(ground, 'redaction-turn'),
  }),
})
