import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestHomeserver } from '../../support/homeserver.ts'
import { ObjectStore } from '../../support/other-servers/object-store.ts'
import { type MediaUser, storedFiles } from './fixture.ts'

export interface Storage {
  readonly settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** The names of what is kept. */
  files(homeserver: TestHomeserver): readonly string[]
  [Symbol.asyncDispose](): Promise<void>
}
/** Where media may be. */
export const STORAGES: readonly (readonly [string, () => Promise<Storage>])[] = [
  ['a folder', async () => ({ settings: {}, files: storedFiles, [Symbol.asyncDispose]: async () => {} })],
  [
    'a store of objects',
    async () => {
      const store = await ObjectStore.start()
      return {
        settings: { s3: store.settings },
        files: (homeserver) => [...store.objects, ...spooled(homeserver)],
        [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
      }
    },
  ],
]
/** What is on its way to a store of objects. */
export const spooled = (homeserver: TestHomeserver): readonly string[] =>
  readdirSync(join(homeserver.dataFolder, 'media-spool'))
/** The name of a file with these bytes. */
export const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64url')
/** Asks for something that changes nothing until it holds. */
export const until = async (user: MediaUser, holds: () => boolean): Promise<void> => {
  while (!holds()) await user.client.get('/v3/account/whoami')
}
