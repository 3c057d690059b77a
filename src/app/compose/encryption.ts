import type { KeysDeps } from '#api'
import { KeysOfUsers, LocalKeys, noOtherServers, UploadKeys } from '#domain'
import { writers } from '#store'
import type { Ground } from './ground.ts'

/** Builds what the server does for end-to-end encryption. */
export const buildEncryption = ({ config, store, clock, logger }: Ground): Omit<KeysDeps, 'keyChanges'> => {
  const keys = { reader: store.deviceKeys, writer: writers.deviceKeys, commit: store.commit }
  return {
    uploadKeys: new UploadKeys({ ...keys, logger, maxOneTimeKeys: config.encryption.oneTimeKeysPerDevice }),
    keysOfUsers: new KeysOfUsers({
      serverName: config.server.name,
      local: new LocalKeys({ ...keys, clock }),
      remote: noOtherServers,
    }),
  }
}
