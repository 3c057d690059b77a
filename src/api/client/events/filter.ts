import Type from 'typebox'
import type { Filters } from '#domain'
import { type AnyEndpoint, endpoint, RawJson, sinceV2, user } from '#http'
import { MAX_FILTER_BYTES } from '#spec'
import { AnyObject, requireOwn } from '../own-user.ts'

export interface FilterDeps {
  readonly filters: Pick<Filters, 'add' | 'get'>
}

/** `filter.yaml`. */
export const filterEndpoints = ({ filters }: FilterDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceV2('/user/:userId/filter'),
    auth: user(),
    rateLimit: 'other',
    params: Type.Object({ userId: Type.String() }),
    body: AnyObject,
    bodyLimitBytes: MAX_FILTER_BYTES,
    handler: async ({ requester, params, body }): Promise<{ filter_id: string }> => {
      requireOwn(requester, params.userId)
      return { filter_id: await filters.add(requester.user, body) }
    },
  }),
  endpoint({
    method: 'GET',
    paths: sinceV2('/user/:userId/filter/:filterId'),
    auth: user(),
    rateLimit: 'read',
    params: Type.Object({ userId: Type.String(), filterId: Type.String() }),
    handler: async ({ requester, params }) => {
      requireOwn(requester, params.userId)
      return new RawJson(await filters.get(requester.user, params.filterId))
    },
  }),
]
