export type { ClaimedKeys, ClaimsWanted, DevicesWanted, KeyAnswer, KeySource, UserKeys } from './key-source.ts'
export * from './keys-of-users.ts'
export * from './local-keys.ts'
export { type OwnDevice, UploadKeys, type UploadKeysParts, withSignedKeys } from './upload-keys.ts'
