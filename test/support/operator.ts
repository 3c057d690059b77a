import { askAt } from '../../src/app/operator/ask.ts'
import { socketPathOf } from '../../src/app/operator/socket-path.ts'
import type { Body, Json, TestClient } from './client.ts'
import type { TestHomeserver } from './homeserver.ts'

/** Sends one command to the running server, as whoever runs it. */
export const command = async (server: TestHomeserver, name: string, input: Body = {}): Promise<Json> =>
  askAt(await socketPathOf(server.dataFolder))(name, input as Parameters<ReturnType<typeof askAt>>[1])

/** A client of a fresh account that may administer the server. */
export const registerAdmin = async (server: TestHomeserver, username: string): Promise<TestClient> => {
  const admin = await server.register(username)
  await command(server, 'set-admin', { user: admin.userId, admin: true })
  return admin
}
