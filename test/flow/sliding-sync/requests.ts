import { type Body, type Json, type Query, RequestRefused, type TestClient } from '../../support/client.ts'

/** Sliding sync in the form of Element X. */
export const legacySync = (client: TestClient, body: Body, query: Query = {}): Promise<Json> =>
  client.ok('POST', '/unstable/org.matrix.simplified_msc3575/sync', { body, query })

/** Sliding sync in the form of MSC4186. */
export const v4Sync = (client: TestClient, body: Body): Promise<Json> => client.post('/v4/sync', body)

/** Status and errcode of a request that is refused. */
export const refusal = async (request: Promise<unknown>): Promise<readonly [number, string | undefined]> => {
  const error = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof RequestRefused)) throw new Error('the request was not refused')
  return [error.status, error.errcode]
}
