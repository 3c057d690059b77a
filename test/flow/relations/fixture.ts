import type { Json, Query, TestClient } from '../../support/client.ts'

export const text = (body: string): Json => ({ msgtype: 'm.text', body })

export const relating = (relType: string, target: string, content: Json = {}): Json => ({
  ...content,
  'm.relates_to': { rel_type: relType, event_id: target },
})

export const react = (client: TestClient, roomId: string, target: string, key = '👍'): Promise<string> =>
  client.send(roomId, 'm.reaction', { 'm.relates_to': { rel_type: 'm.annotation', event_id: target, key } })

export const edit = (client: TestClient, roomId: string, target: string, body: string): Promise<string> => {
  const content = relating('m.replace', target, { ...text(`* ${body}`), 'm.new_content': text(body) })
  return client.send(roomId, 'm.room.message', content)
}

/** An edit in a later millisecond than whatever was sent before: those of one millisecond are ordered by their random ids. */
export const laterEdit: typeof edit = async (...edited) => {
  const now = Date.now()
  while (Date.now() === now) await new Promise(setImmediate)
  return edit(...edited)
}

export const reply = (client: TestClient, roomId: string, root: string, body = 'reply'): Promise<string> =>
  client.send(roomId, 'm.room.message', relating('m.thread', root, text(body)))

export const refer = (client: TestClient, roomId: string, target: string, type = 'm.room.message'): Promise<string> =>
  client.send(roomId, type, relating('m.reference', target, text('look there')))

export const relationsOf = (client: TestClient, roomId: string, path: string, query: Query = {}): Promise<Json> =>
  client.get(`/v1/rooms/${encodeURIComponent(roomId)}/relations/${path}`, query)

export const threadsOf = (client: TestClient, roomId: string, query: Query = {}): Promise<Json> =>
  client.get(`/v1/rooms/${encodeURIComponent(roomId)}/threads`, query)

export const bundleOf = (event: Json): Json => event.unsigned?.['m.relations']

export const idsOf = (chunk: readonly Json[]): string[] => chunk.map(({ event_id: eventId }) => eventId)

export const ignore = (client: TestClient, ...users: readonly string[]): Promise<Json> =>
  client.put(`/v3/user/${encodeURIComponent(client.userId)}/account_data/m.ignored_user_list`, {
    ignored_users: Object.fromEntries(users.map((userId) => [userId, {}])),
  })
