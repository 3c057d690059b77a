export { type DeviceOfUser, Inboxes } from './inboxes.ts'
export { toDeviceSweep } from './sweep.ts'
export { type DevicesElsewhere, ToDevice } from './to-device.ts'
