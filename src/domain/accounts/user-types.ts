import { MatrixError } from '#spec'

/** Types of accounts that are no ordinary person's, as Synapse names them. */
export const USER_TYPES: readonly string[] = ['bot', 'support']

/** undefined: an ordinary person. Throws `M_INVALID_PARAM`. */
export const mindUserType = (userType: string | undefined): void => {
  if (userType !== undefined && !USER_TYPES.includes(userType))
    throw new MatrixError('M_INVALID_PARAM', `A type of users is one of ${USER_TYPES.join(', ')}`)
}
