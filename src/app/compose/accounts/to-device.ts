import type { Chore } from '#base'
import { DehydratedDevices, Inboxes, QueuedDevices, ToDevice, toDeviceSweep } from '#domain'
import { writers } from '#store'
import type { Streams } from '#streams'
import type { Ground } from '../ground/ground.ts'
import { deviceTraces } from './account-parts.ts'

export interface BuiltToDevice {
  readonly toDevice: ToDevice
  readonly inboxes: Inboxes
  readonly dehydratedDevices: DehydratedDevices
  /** One process at a time does this work. */
  readonly sweep: Chore
}

/** Builds messages between devices, and the devices that receive while nobody is logged in. Does not start the sweep. */
export const buildToDevice = (
  { config, store, clock, logger }: Ground,
  news: Pick<Streams, 'onNews'>,
): BuiltToDevice => {
  const { commit } = store
  const writer = writers.toDevice
  return {
    toDevice: new ToDevice({
      ...{ writer, commit, clock, logger },
      elsewhere: new QueuedDevices({ writer: writers.federationOut, clock, logger }),
      serverName: config.server.name,
      inboxBytes: config.encryption.inboxSize,
    }),
    dehydratedDevices: new DehydratedDevices({
      ...{ commit, clock, traces: deviceTraces },
      reader: store.dehydratedDevices,
      writer: writers.dehydratedDevices,
      messages: store.toDevice,
      maxOneTimeKeys: config.encryption.oneTimeKeysPerDevice,
    }),
    inboxes: new Inboxes({ reader: store.toDevice, writer, commit, news }),
    sweep: toDeviceSweep({
      ...{ reader: store.toDevice, writer, commit, clock, logger },
      unseenMs: config.encryption.clearInboxAfter.ms,
    }),
  }
}
