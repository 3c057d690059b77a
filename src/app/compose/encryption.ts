import type { CrossSigningDeps, KeysDeps, KeysForServersDeps } from '#api'
import {
  CrossSigning,
  type InteractiveAuth,
  KeysForServers,
  KeysOfUsers,
  LocalKeys,
  noOtherServers,
  type ReplacementProof,
  UploadCrossSigning,
  UploadKeys,
  UploadSignatures,
} from '#domain'
import { writers } from '#store'
import { identityTraces } from './account-parts.ts'
import type { Ground } from './ground.ts'

/** The parts by which users prove who they are before they replace their keys. */
export interface ProofParts {
  readonly uia: InteractiveAuth
  readonly proof: ReplacementProof
}

export type BuiltEncryption = Omit<KeysDeps, 'keyChanges'> & CrossSigningDeps & KeysForServersDeps

/** Builds what the server does for end-to-end encryption. */
export const buildEncryption = (
  { config, store, clock, logger }: Ground,
  { uia, proof }: ProofParts,
): BuiltEncryption => {
  const { commit, deviceKeys } = store
  const keys = { reader: deviceKeys, writer: writers.deviceKeys, commit }
  const signing = { reader: store.crossSigning, writer: writers.crossSigning, commit }
  const serverName = config.server.name
  const local = new LocalKeys({
    ...{ ...keys, crossSigning: store.crossSigning, clock },
    tellsNames: config.encryption.tellDeviceNames,
  })
  const keysOfUsers = new KeysOfUsers({ serverName, local, remote: noOtherServers })
  const crossSigning = new CrossSigning({ ...signing, devices: deviceKeys, traces: identityTraces })
  return {
    uploadKeys: new UploadKeys({ ...keys, logger, maxOneTimeKeys: config.encryption.oneTimeKeysPerDevice }),
    keysOfUsers,
    keysForServers: new KeysForServers({ local, versions: store.deviceLists, serverName }),
    uploadCrossSigning: new UploadCrossSigning({ crossSigning, proof, uia }),
    uploadSignatures: new UploadSignatures({ ...signing, keysOfUsers, deviceKeys, clock }),
  }
}
