export * from './cross-signing.ts'
export type { ClaimedKeys, ClaimsWanted, DevicesWanted, KeyAnswer, KeySource, UserKeys } from './key-source.ts'
export * from './keys-for-servers.ts'
export * from './keys-of-users.ts'
export * from './local-keys.ts'
export { checkedDeviceKeys, checkedFallbackKeys, checkedPublicKeys } from './public-keys.ts'
export { AskServers } from './remote/ask-servers.ts'
export { ListResync } from './remote/list-resync.ts'
export { ListUpdates } from './remote/list-updates.ts'
export { RemoteKeys } from './remote/remote-keys.ts'
export { type OwnDevice, UploadKeys, type UploadKeysParts, withSignedKeys } from './upload-keys.ts'
export {
  type SignatureFailures,
  UploadSignatures,
  type UploadSignaturesParts,
} from './upload-signatures.ts'
