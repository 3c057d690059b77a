import { POSTGRES } from '../../../contract/databases.ts'
import type { Answer, Json, TestClient } from '../../../support/client.ts'
import type { DatabaseKind } from '../../../support/homeserver.ts'

export const enc = encodeURIComponent

/** A pair of databases for two servers, by the name that a test shows. */
export const PAIRS: readonly (readonly [name: string, databases: readonly DatabaseKind[]])[] = [
  ['SQLite', ['sqlite', 'sqlite']],
  ...(POSTGRES === undefined ? [] : [['PostgreSQL', ['postgres', 'postgres']] as const]),
]

/** Joins by the servers given. */
export const joinBy = async (user: TestClient, room: string, ...via: string[]): Promise<string> => {
  const query = via.map((server) => `via=${enc(server)}`).join('&')
  return (await user.post(`/v3/join/${enc(room)}?${query}`)).room_id
}

/** Status and errcode of a request that may be refused. */
export const outcome = async (request: Promise<Answer>): Promise<readonly [number, string | undefined]> => {
  const { status, body } = await request
  return [status, (body as Json)?.errcode]
}

/** The members of a room as one user sees them, with their memberships. */
export const membersOf = async (user: TestClient, roomId: string): Promise<Readonly<Record<string, string>>> => {
  const { chunk } = await user.get(`/v3/rooms/${enc(roomId)}/members`)
  const entries = (chunk as Json[]).map(({ state_key, content }) => [state_key as string, content.membership as string])
  return Object.fromEntries(entries)
}

/** The current state of a room as a map of names to event ids. */
export const stateOf = async (user: TestClient, roomId: string): Promise<Readonly<Record<string, string>>> => {
  const state = (await user.get(`/v3/rooms/${enc(roomId)}/state`)) as Json[]
  const entries = state.map(({ type, state_key, event_id }) => [`${type} ${state_key}`, event_id as string])
  return Object.fromEntries(entries)
}
