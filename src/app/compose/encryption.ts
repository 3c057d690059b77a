import type { CrossSigningDeps, KeysDeps, KeysForServersDeps } from '#api'
import {
  AskServers,
  CrossSigning,
  type InteractiveAuth,
  KeysForServers,
  KeysOfUsers,
  LocalKeys,
  RemoteKeys,
  type ReplacementProof,
  UploadCrossSigning,
  UploadKeys,
  UploadSignatures,
} from '#domain'
import type { FederationRequests } from '#net'
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
  requests: FederationRequests,
): BuiltEncryption => {
  const { commit, deviceKeys } = store
  const keys = { reader: deviceKeys, writer: writers.deviceKeys, commit }
  const signing = { reader: store.crossSigning, writer: writers.crossSigning, commit }
  const serverName = config.server.name
  const local = new LocalKeys({
    ...{ ...keys, crossSigning: store.crossSigning, clock },
    tellsNames: config.encryption.tellDeviceNames,
  })
  const servers = new AskServers({ requests, clock })
  const remote = new RemoteKeys({ servers, signatures: store.crossSigning, clock })
  const keysOfUsers = new KeysOfUsers({ serverName, local, remote })
  const crossSigning = new CrossSigning({ ...signing, devices: deviceKeys, traces: identityTraces })
  return {
    uploadKeys: new UploadKeys({ ...keys, logger, maxOneTimeKeys: config.encryption.oneTimeKeysPerDevice }),
    keysOfUsers,
    keysForServers: new KeysForServers({ local, versions: store.deviceLists, serverName }),
    uploadCrossSigning: new UploadCrossSigning({ crossSigning, proof, uia }),
    uploadSignatures: new UploadSignatures({ ...signing, keysOfUsers, deviceKeys, clock }),
  }
}
