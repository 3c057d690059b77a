import { type Answer, type Json, type Query, RequestRefused, type TestClient } from './client.ts'

/** Requests as clients of September 2015 sent them: under the prefixes of that time, the access token in the query. */

export const V1 = '/_matrix/client/api/v1'
export const V2 = '/_matrix/client/v2_alpha'

/** Paths below `/_matrix/client/api/v1`, or in full. */
export const askOld = (
  who: TestClient,
  method: string,
  path: string,
  body?: unknown,
  query: Query = {},
): Promise<Answer> =>
  who.request(method, path.startsWith('/_matrix') ? path : `${V1}${path}`, {
    token: null,
    query: { ...query, access_token: who.accessToken },
    ...(body === undefined ? {} : { body }),
  })

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
