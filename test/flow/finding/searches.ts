import type { Body, Json, TestClient } from '../../support/client.ts'

/** `POST /search`: the category `room_events` of the answer. */
export const search = async (client: TestClient, term: string, more: Body = {}, nextBatch?: string): Promise<Json> => {
  const query = nextBatch === undefined ? {} : { next_batch: nextBatch }
  const body = { search_categories: { room_events: { search_term: term, ...more } } }
  return (await client.ok('POST', '/v3/search', { body, query })).search_categories.room_events
}
