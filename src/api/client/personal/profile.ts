import Type from 'typebox'
import type { Profiles, SetProfile } from '#domain'
import { type AnyEndpoint, endpoint, isOldPath, isV1Path, none, type Requester, sinceV1, user, v3 } from '#http'
import { MatrixError } from '#spec'
import { AnyObject, requireOwn } from '../own-user.ts'
import { userIdOf } from '../room-path.ts'

export interface ProfileDeps {
  readonly profiles: Pick<Profiles, 'profile' | 'field'>
  readonly setProfile: Pick<SetProfile, 'set' | 'remove'>
}

const FIELD = Type.Object({ userId: Type.String(), keyName: Type.String() })
/** MSC4069: a change of name or picture for the profile alone. */
const PROPAGATE = 'org.matrix.msc4069.propagate'
const Propagation = Type.Object({ [PROPAGATE]: Type.Optional(Type.Boolean()) })
/** The path of when fields were a proposal (MSC4133): clients that know its flag alone ask by it. */
const ofProposal = (path: string): string => `/_matrix/client/unstable/uk.tcpip.msc4133${path}`
const FIELD_PATHS = [...sinceV1('/profile/:userId/:keyName'), ofProposal('/profile/:userId/:keyName')] as const
/** A profile has up to 64 KiB, and a field its name besides. */
const BODY_LIMIT_BYTES = 66 * 1024

/** Module "Guest Access": guests may set their display name and nothing else. */
const mindGuest = ({ kind }: Requester, key: string): void => {
  if (kind === 'guest' && key !== 'displayname') {
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests may only change their display name')
  }
}

/** `profile.yaml`. */
export const profileEndpoints = ({ profiles, setProfile }: ProfileDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [...sinceV1('/profile/:userId'), ofProposal('/profile/:userId')],
    auth: none(),
    rateLimit: 'read',
    params: Type.Object({ userId: Type.String() }),
    handler: async ({ params }) => profiles.profile(userIdOf(params.userId)),
  }),
  endpoint({
    method: 'GET',
    paths: FIELD_PATHS,
    auth: none(),
    rateLimit: 'read',
    params: FIELD,
    handler: async ({ params, path }) => {
      const field = await profiles.field(userIdOf(params.userId), params.keyName)
      // A missing field is an empty object for clients of today, and 404 for those of 2015.
      // The first version said null for a missing picture.
      const isMissing = Object.keys(field).length === 0
      if (isMissing && isV1Path(path) && params.keyName === 'avatar_url') return { avatar_url: null }
      if (isMissing && isOldPath(path)) throw new MatrixError('M_NOT_FOUND', 'The profile has no such field')
      return field
    },
  }),
  endpoint({
    method: 'PUT',
    paths: FIELD_PATHS,
    auth: user({ guests: true, suspended: false }),
    rateLimit: 'profile',
    params: FIELD,
    query: Propagation,
    body: AnyObject,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    handler: async ({ requester, params: { userId, keyName }, query, body }) => {
      requireOwn(requester, userId)
      mindGuest(requester, keyName)
      const value = Object.hasOwn(body, keyName) ? body[keyName] : undefined
      if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `The body has no ${keyName.slice(0, 64)}`)
      await setProfile.set(requester, keyName, value, propagates(requester, query[PROPAGATE]))
      return {}
    },
  }),
  endpoint({
    method: 'DELETE',
    paths: [...v3('/profile/:userId/:keyName'), ofProposal('/profile/:userId/:keyName')],
    auth: user({ guests: true, suspended: false }),
    rateLimit: 'profile',
    params: FIELD,
    query: Propagation,
    handler: async ({ requester, params: { userId, keyName }, query }) => {
      requireOwn(requester, userId)
      mindGuest(requester, keyName)
      await setProfile.remove(requester, keyName, propagates(requester, query[PROPAGATE]))
      return {}
    },
  }),
]

/** Whether the rooms of the user get the change: those of a shadow-banned one never do. */
const propagates = ({ shadowBanned }: Requester, asked: boolean | undefined): boolean | undefined =>
  shadowBanned ? false : asked
