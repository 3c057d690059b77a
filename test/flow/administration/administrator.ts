import type { TestClient } from '../../support/client.ts'
import { type StartHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'

export interface Administered {
  readonly server: TestHomeserver
  readonly admin: TestClient
}

/** A server with an administrator. */
export const administered = async (start: StartHomeserver): Promise<Administered & AsyncDisposable> => {
  const server = await start()
  const admin = await registerAdmin(server, 'root')
  return { server, admin, [Symbol.asyncDispose]: () => server.stop() }
}

/** One server with an administrator for the tests of a block. */
export const shareAdministered = (start: StartHomeserver): (() => Promise<Administered>) => {
  const shared = shareHomeserver(start)
  let admin: Promise<TestClient> | undefined
  return async () => {
    const server = await shared()
    admin ??= registerAdmin(server, 'root')
    return { server, admin: await admin }
  }
}
