import { MatrixError, stringAt } from '#spec'
import { type Accounts, identifierIn, type RegistrationTokens } from '../../accounts/index.ts'
import type { Stage } from '../../uia/index.ts'

export const PASSWORD_STAGE = 'm.login.password'
export const TOKEN_STAGE = 'm.login.registration_token'

/** The stage whose fact is the user id. If the request has a requester, another user's password is refused (403). */
export const passwordStage = (accounts: Accounts): Stage => ({
  type: PASSWORD_STAGE,
  attempt: async ({ auth, requester, ip }) => {
    const identifier = identifierIn(auth)
    const password = stringAt(auth, 'password')
    if (password === undefined) throw new MatrixError('M_MISSING_PARAM', 'password is missing')
    if (requester !== undefined && (await accounts.resolve(identifier))?.userId !== requester) {
      throw new MatrixError('M_FORBIDDEN', 'Only the user whose access token it is can authenticate here')
    }
    try {
      const { userId } = await accounts.authenticate(identifier, password, { ip, requester })
      // A name at somebody else's may belong to another account than here.
      if (requester !== undefined && userId !== requester) {
        throw new MatrixError('M_FORBIDDEN', 'Only the user whose access token it is can authenticate here')
      }
      return { kind: 'passed', fact: { kind: 'user', userId } }
    } catch (error) {
      if (!(error instanceof MatrixError) || error.errcode !== 'M_FORBIDDEN') throw error
      return { kind: 'failed', errcode: error.errcode, error: error.message }
    }
  },
})

/** The stage whose fact is the token, which is counted when the account is made. */
export const registrationTokenStage = (tokens: RegistrationTokens): Stage => ({
  type: TOKEN_STAGE,
  attempt: async ({ auth }) => {
    const token = stringAt(auth, 'token')
    if (token === undefined) throw new MatrixError('M_MISSING_PARAM', 'token is missing')
    if (await tokens.isValid(token)) return { kind: 'passed', fact: { kind: 'registrationToken', token } }
    return { kind: 'failed', errcode: 'M_UNAUTHORIZED', error: 'This registration token is not valid' }
  },
})
