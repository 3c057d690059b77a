import Type from 'typebox'
import type { KeyBackups } from '#domain'
import { type AnyEndpoint, endpoint, RawJson, StreamedJson, user, v3 } from '#http'
import { MatrixError, type RoomId } from '#spec'
import { AnyObject, roomIdOf } from '../own-user.ts'
import { plainText } from '../room-path.ts'
import {
  type BackedUp,
  KeyBackupData,
  sessionOf,
  sessionsByRoom,
  sessionText,
  textOfRoom,
  textOfRooms,
} from './key-backup-data.ts'

export interface KeyBackupDeps {
  readonly keyBackups: KeyBackups
}

/** Room for 10,000 keys, of some hundred bytes each. */
const KEYS_LIMIT_BYTES = 16 * 1024 * 1024

const Version = Type.String({ maxLength: 255 })
const InVersion = Type.Object({ version: Version })
const AuthData = { algorithm: Type.String({ minLength: 1, maxLength: 255 }), auth_data: AnyObject }
const InRoom = Type.Object({ roomId: Type.String() })
const OneSession = Type.Object({ roomId: Type.String(), sessionId: Type.String({ minLength: 1, maxLength: 255 }) })
const Sessions = Type.Object({ sessions: Type.Record(Type.String({ minLength: 1, maxLength: 255 }), KeyBackupData) })

type State = { readonly etag: string; readonly count: number }
const stateOf = ({ etag, sessions }: { readonly etag: number; readonly sessions: number }): State => ({
  etag: String(etag),
  count: sessions,
})

/** `key_backup.yaml`. */
export const keyBackupEndpoints = ({ keyBackups }: KeyBackupDeps): readonly AnyEndpoint[] => [
  ...versionEndpoints(keyBackups),
  ...storingEndpoints(keyBackups),
  ...readingEndpoints(keyBackups),
  ...deletingEndpoints(keyBackups),
]

const versionEndpoints = (keyBackups: KeyBackups): readonly AnyEndpoint[] => {
  const described = async (user: number, named?: string): Promise<RawJson> => {
    const { version, algorithm, authDataJson, ...state } = await keyBackups.backup(user, named)
    const rest = JSON.stringify({ algorithm, ...stateOf(state), version: String(version) })
    return new RawJson(`{"auth_data":${authDataJson},${rest.slice(1)}`)
  }
  return [
    endpoint({
      method: 'POST',
      paths: v3('/room_keys/version'),
      auth: user(),
      rateLimit: 'other',
      body: Type.Object(AuthData),
      handler: async ({ requester, body }): Promise<{ version: string }> => ({
        version: await keyBackups.create(requester, plainText(body.algorithm), body.auth_data),
      }),
    }),
    endpoint({
      method: 'GET',
      paths: v3('/room_keys/version'),
      auth: user(),
      rateLimit: 'read',
      handler: ({ requester }) => described(requester.user),
    }),
    endpoint({
      method: 'GET',
      paths: v3('/room_keys/version/:version'),
      auth: user(),
      rateLimit: 'read',
      params: InVersion,
      handler: ({ requester, params }) => described(requester.user, params.version),
    }),
    endpoint({
      method: 'PUT',
      paths: v3('/room_keys/version/:version'),
      auth: user(),
      rateLimit: 'other',
      params: InVersion,
      body: Type.Object({ ...AuthData, version: Type.Optional(Version) }),
      handler: async ({ requester, params: { version }, body }): Promise<Record<never, never>> => {
        if (body.version !== undefined && body.version !== version)
          throw new MatrixError('M_INVALID_PARAM', 'The body names another version than the path')
        await keyBackups.setAuthData(requester.user, version, body.algorithm, body.auth_data)
        return {}
      },
    }),
    endpoint({
      method: 'DELETE',
      paths: v3('/room_keys/version/:version'),
      auth: user(),
      rateLimit: 'other',
      params: InVersion,
      handler: async ({ requester, params }): Promise<Record<never, never>> => {
        await keyBackups.remove(requester.user, params.version)
        return {}
      },
    }),
  ]
}

const storingEndpoints = (keyBackups: KeyBackups): readonly AnyEndpoint[] => {
  const put = async (user: number, version: string, sessions: Iterable<BackedUp>): Promise<State> =>
    stateOf(await keyBackups.put(user, version, sessions))
  return [
    endpoint({
      method: 'PUT',
      paths: v3('/room_keys/keys'),
      auth: user(),
      rateLimit: 'other',
      query: InVersion,
      body: Type.Object({ rooms: Type.Record(Type.String(), Sessions) }),
      bodyLimitBytes: KEYS_LIMIT_BYTES,
      handler: ({ requester, query, body }) => put(requester.user, query.version, sessionsByRoom(body.rooms)),
    }),
    endpoint({
      method: 'PUT',
      paths: v3('/room_keys/keys/:roomId'),
      auth: user(),
      rateLimit: 'other',
      params: InRoom,
      query: InVersion,
      body: Sessions,
      bodyLimitBytes: KEYS_LIMIT_BYTES,
      handler: ({ requester, params, query, body }) =>
        put(requester.user, query.version, sessionsByRoom({ [params.roomId]: body })),
    }),
    endpoint({
      method: 'PUT',
      paths: v3('/room_keys/keys/:roomId/:sessionId'),
      auth: user(),
      rateLimit: 'other',
      params: OneSession,
      query: InVersion,
      body: KeyBackupData,
      handler: ({ requester, params, query, body }) =>
        put(requester.user, query.version, [sessionOf(roomIdOf(params.roomId), plainText(params.sessionId), body)]),
    }),
  ]
}

/** A backup may be larger than what is held at a time. */
const streamed = (rest: AsyncGenerator<string, void, undefined>): StreamedJson => new StreamedJson({ begun: [], rest })

const readingEndpoints = (keyBackups: KeyBackups): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/room_keys/keys'),
    auth: user(),
    rateLimit: 'read',
    query: InVersion,
    handler: async ({ requester, query }) => streamed(textOfRooms(keyBackups.sessions(requester.user, query.version))),
  }),
  endpoint({
    method: 'GET',
    paths: v3('/room_keys/keys/:roomId'),
    auth: user(),
    rateLimit: 'read',
    params: InRoom,
    query: InVersion,
    handler: async ({ requester, params, query }) => {
      const pieces = keyBackups.sessions(requester.user, query.version, roomIdOf(params.roomId))
      return streamed(textOfRoom(pieces))
    },
  }),
  endpoint({
    method: 'GET',
    paths: v3('/room_keys/keys/:roomId/:sessionId'),
    auth: user(),
    rateLimit: 'read',
    params: OneSession,
    query: InVersion,
    handler: async ({ requester, params, query }) => {
      const [roomId, sessionId] = [roomIdOf(params.roomId), plainText(params.sessionId)]
      return new RawJson(sessionText(await keyBackups.session(requester.user, query.version, roomId, sessionId)))
    },
  }),
]

const deletingEndpoints = (keyBackups: KeyBackups): readonly AnyEndpoint[] => {
  const remove = async (user: number, version: string, roomId?: RoomId, sessionId?: string): Promise<State> =>
    stateOf(await keyBackups.removeSessions(user, version, { roomId, sessionId }))
  return [
    endpoint({
      method: 'DELETE',
      paths: v3('/room_keys/keys'),
      auth: user(),
      rateLimit: 'other',
      query: InVersion,
      handler: ({ requester, query }) => remove(requester.user, query.version),
    }),
    endpoint({
      method: 'DELETE',
      paths: v3('/room_keys/keys/:roomId'),
      auth: user(),
      rateLimit: 'other',
      params: InRoom,
      query: InVersion,
      handler: ({ requester, params, query }) => remove(requester.user, query.version, roomIdOf(params.roomId)),
    }),
    endpoint({
      method: 'DELETE',
      paths: v3('/room_keys/keys/:roomId/:sessionId'),
      auth: user(),
      rateLimit: 'other',
      params: OneSession,
      query: InVersion,
      handler: ({ requester, params, query }) =>
        remove(requester.user, query.version, roomIdOf(params.roomId), plainText(params.sessionId)),
    }),
  ]
}
