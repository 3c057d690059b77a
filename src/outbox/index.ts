export { DeviceListsOut, type KeysToTell } from './device-lists/device-lists-out.ts'
export * from './push/notification.ts'
export * from './push/push.ts'
export * from './push/push-views.ts'
