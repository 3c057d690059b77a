import type { AdminActor } from '#domain'
import type { User } from '#http'

/** The administrator who asks by the API, as the audit log names them. */
export const actorOf = ({ userId }: Pick<User, 'userId'>): AdminActor => ({ by: userId, via: 'api' })
