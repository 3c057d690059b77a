import type { CrossSigningDeps, KeysDeps, KeysForServersDeps } from '#api'
import {
  AskServers,
  CrossSigning,
  type InteractiveAuth,
  KeysForServers,
  KeysOfUsers,
  ListResync,
  ListUpdates,
  LocalKeys,
  RemoteKeys,
  type ReplacementProof,
  UploadCrossSigning,
  UploadKeys,
  UploadSignatures,
} from '#domain'
import type { FederationRequests } from '#net'
import { DeviceListsOut } from '#outbox'
import type { DeviceId, UserId } from '#spec'
import { type LeasedWork, writers } from '#store'
import type { Streams } from '#streams'
import type { Ground } from '../ground/ground.ts'
import { identityTraces } from './account-parts.ts'

/** The parts by which users prove who they are before they replace their keys. */
export interface ProofParts {
  readonly uia: InteractiveAuth
  readonly proof: ReplacementProof
}

export type BuiltEncryption = Omit<KeysDeps, 'keyChanges'> &
  Omit<CrossSigningDeps, 'serviceAccounts'> &
  KeysForServersDeps & {
    /** One process at a time does this work. */
    readonly work: Readonly<Record<string, LeasedWork>>
    readonly listUpdates: ListUpdates
  }

/** Builds what the server does for end-to-end encryption. */
export const buildEncryption = (
  { config, store, clock, logger }: Ground,
  { uia, proof }: ProofParts,
  requests: FederationRequests,
  streams: Pick<Streams, 'positions' | 'onNews'>,
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
  const lists = { reader: store.remoteDeviceLists, writer: writers.remoteDeviceLists }
  const resync = new ListResync({
    ...{ ...lists, commit, requests, clock, logger, serverName },
    position: () => streams.positions().events,
  })
  const remote = new RemoteKeys({
    ...{ servers, crossSigning: store.crossSigning, lists, commit, clock, serverName, resync },
    position: () => streams.positions().events,
  })
  const keysOfUsers = new KeysOfUsers({ serverName, local, remote })
  const crossSigning = new CrossSigning({ ...signing, devices: deviceKeys, traces: identityTraces })
  const keysForServers = new KeysForServers({ local, versions: store.deviceLists, serverName })
  const isDevice = async (userId: UserId, deviceId: DeviceId): Promise<boolean> =>
    (await store.devices.device(userId, deviceId)) !== undefined
  return {
    work: {
      'device-list-resync': resync,
      'device-lists-out': new DeviceListsOut({
        ...{ commit, clock, logger, serverName, news: streams, queue: writers.federationOut },
        told: { reader: store.deviceListsTold, writer: writers.deviceListsTold },
        keys: {
          devicesOf: async (userId) => (await keysForServers.query(new Map([[userId, []]]))).get(userId),
          isDevice,
        },
      }),
    },
    listUpdates: new ListUpdates({ ...lists, commit, clock, serverName, resync }),
    uploadKeys: new UploadKeys({ ...keys, logger, maxOneTimeKeys: config.encryption.oneTimeKeysPerDevice }),
    keysOfUsers,
    keysForServers,
    uploadCrossSigning: new UploadCrossSigning({ crossSigning, proof, uia }),
    uploadSignatures: new UploadSignatures({ ...signing, keysOfUsers, deviceKeys, clock }),
  }
}
