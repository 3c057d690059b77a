import Type from 'typebox'
import type { JoinAnswers, ServeTemplates, TakeHandshakes, Template } from '#domain'
import { type AnyEndpoint, endpoint, jsonOf, type RemoteServer, server } from '#http'
import { type JsonObject, MatrixError, type ServerName } from '#spec'
import { AnyObject, roomIdOf } from '../client/own-user.ts'
import { userIdOf } from '../client/room-path.ts'

export interface JoinsDeps {
  readonly serveTemplates: Pick<ServeTemplates, 'make'>
  readonly takeHandshakes: Pick<TakeHandshakes, 'take'>
  readonly joinAnswers: Pick<JoinAnswers, 'of'>
}

const TemplatePath = Type.Object({ roomId: Type.String(), userId: Type.String() })
export const SendPath = Type.Object({ roomId: Type.String(), eventId: Type.String() })
const MAX_VERSIONS = 200
const Versions = Type.Object({ ver: Type.Optional(Type.Array(Type.String(), { maxItems: MAX_VERSIONS })) })
const Omission = Type.Object({ omit_members: Type.Optional(Type.String()) })

export const originOf = (requester: RemoteServer): ServerName => requester.serverName

export const templateText = ({ roomVersion, event }: Template): JsonObject => ({ room_version: roomVersion, event })

/** `joins-v1.yaml`, `joins-v2.yaml`. */
export const joinsEndpoints = ({ serveTemplates, takeHandshakes, joinAnswers }: JoinsDeps): readonly AnyEndpoint[] => {
  const taken = async (
    requester: RemoteServer,
    { roomId, eventId }: { readonly roomId: string; readonly eventId: string },
    pdu: JsonObject,
    omitted: string | undefined,
  ) => {
    const member = { membership: 'join', roomId: roomIdOf(roomId), eventId, pdu, origin: originOf(requester) } as const
    return joinAnswers.of(await takeHandshakes.take(member), isTrue(omitted))
  }
  return [
    endpoint({
      method: 'GET',
      paths: ['/_matrix/federation/v1/make_join/:roomId/:userId'],
      auth: server(),
      rateLimit: 'join',
      params: TemplatePath,
      query: Versions,
      handler: async ({ requester, params, query: { ver: versions = ['1'] } }) =>
        templateText(
          await serveTemplates.make({
            ...{ membership: 'join', versions, origin: originOf(requester) },
            roomId: roomIdOf(params.roomId),
            userId: userIdOf(params.userId),
          }),
        ),
    }),
    endpoint({
      method: 'PUT',
      paths: ['/_matrix/federation/v2/send_join/:roomId/:eventId'],
      auth: server(),
      rateLimit: 'join',
      costly: true,
      params: SendPath,
      query: Omission,
      body: AnyObject,
      handler: async ({ requester, params, query, body }) =>
        jsonOf(await taken(requester, params, body, query.omit_members)),
    }),
    endpoint({
      method: 'PUT',
      paths: ['/_matrix/federation/v1/send_join/:roomId/:eventId'],
      auth: server(),
      rateLimit: 'join',
      costly: true,
      params: SendPath,
      body: AnyObject,
      handler: async ({ requester, params, body }) => {
        const answer = await taken(requester, params, body, undefined)
        if (typeof answer === 'string') return jsonOf(`[200,${answer}]`)
        return jsonOf({ begun: ['[200,', ...answer.begun], rest: closed(answer.rest) })
      },
    }),
  ]
}

/** The end of the pair of status and answer that the first version had. */
async function* closed(rest: AsyncGenerator<string, void, undefined>): AsyncGenerator<string, void, undefined> {
  yield* rest
  yield ']'
}

const isTrue = (text: string | undefined): boolean => {
  if (text === undefined || text === 'false') return false
  if (text === 'true') return true
  throw new MatrixError('M_INVALID_PARAM', 'omit_members is true or false')
}
