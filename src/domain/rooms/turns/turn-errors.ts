import type { AuthRefusalReason, BuildEventFailure } from '#rules'
import { MatrixError } from '#spec'

/** Refusals of what the event itself says: no power in the room would change them. */
export const IMPOSSIBLE: ReadonlySet<AuthRefusalReason> = new Set<AuthRefusalReason>([
  'create-has-prev-events',
  'power-levels-malformed',
  'power-levels-name-creator',
  'member-malformed',
])

/**
 * The room's rules refuse the event whoever sends it: a second create event, a member event that is no state, power levels
 * that are malformed or name a creator of room version 12.
 */
export class ImpossibleEvent extends MatrixError {
  constructor(reason: string) {
    super('M_BAD_JSON', reason)
  }
}

export const formatError = (failure: BuildEventFailure): MatrixError => {
  if (failure.reason === 'too-large') return new MatrixError('M_TOO_LARGE', 'The event is larger than 65536 bytes')
  const where = 'key' in failure ? ` (${failure.key})` : ''
  return new MatrixError('M_BAD_JSON', `Not a valid event: ${failure.reason}${where}`)
}
