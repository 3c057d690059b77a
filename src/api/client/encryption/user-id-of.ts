import { MatrixError, parseUserId, type UserId } from '#spec'

/** The user id that is a key of a map. Throws `M_INVALID_PARAM`. */
export const userIdOf = (text: string): UserId => {
  const userId = parseUserId(text)
  if (userId === undefined) throw new MatrixError('M_INVALID_PARAM', 'A key of the map is not a user id')
  return userId
}
