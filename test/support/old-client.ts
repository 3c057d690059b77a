import { type Answer, type Json, type Query, RequestRefused, type TestClient } from './client.ts'
import { oldViolations } from './old-schemas.ts'

/**
 * Requests as clients of September 2015 sent them: under the prefixes of that time, the access token in the query. Every event in an answer goes
 * through the schemas of that time, and what contradicts them fails the test.
 */

export const V1 = '/_matrix/client/api/v1'
export const V2 = '/_matrix/client/v2_alpha'

/** Paths below `/_matrix/client/api/v1`, or in full. */
export const askOld = async (
  who: TestClient,
  method: string,
  path: string,
  body?: unknown,
  query: Query = {},
): Promise<Answer> => {
  const answer = await who.request(method, path.startsWith('/_matrix') ? path : `${V1}${path}`, {
    token: null,
    query: { ...query, access_token: who.accessToken },
    ...(body === undefined ? {} : { body }),
  })
  const violations = eventsIn(answer.body).flatMap(oldViolations)
  if (violations.length > 0)
    throw new Error(
      `the events contradict the schemas of 2015:\n${violations.join('\n')}\n${JSON.stringify(answer.body)}`,
    )
  return answer
}

/** Events at any depth of an answer, but in the contents of others. */
const eventsIn = (value: Json): Json[] => {
  if (Array.isArray(value)) return value.flatMap(eventsIn)
  if (typeof value !== 'object' || value === null) return []
  const isEvent = typeof value.type === 'string' && typeof value.content === 'object'
  const inside = Object.entries(value).filter(([key]) => key !== 'content' && key !== 'invite_room_state')
  return [...(isEvent ? [value] : []), ...inside.flatMap(([, member]) => eventsIn(member))]
}

/** For what is to succeed: the body. Throws `RequestRefused`. */
export const doOld = async (...request: Parameters<typeof askOld>): Promise<Json> => {
  const answer = await askOld(...request)
  if (answer.status !== 200) throw new RequestRefused(`${request[1]} ${request[2]}`, answer)
  return answer.body
}

export const getOld = (who: TestClient, path: string, query: Query = {}): Promise<Json> =>
  doOld(who, 'GET', path, undefined, query)

/** Status and errcode of what is to be refused. */
export const refusalOf = async (...request: Parameters<typeof askOld>): Promise<[number, unknown]> => {
  const { status, body } = await askOld(...request)
  return [status, body.errcode]
}
