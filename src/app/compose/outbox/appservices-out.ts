import type { AppServices } from '#domain'
import type { AppserviceRequests } from '#net'
import { AppservicesOut, Departures, DeviceNews, EphemeralNews, Interest, TransactionMaker } from '#outbox'
import { writers } from '#store'
import type { Streams } from '#streams'
import type { Ground } from '../ground/ground.ts'
import type { Personal } from '../personal/personal.ts'
import type { Views } from '../views/views.ts'

/** The parts of other layers that sending needs. */
export interface AroundAppservices {
  readonly streams: Streams
  readonly personal: Pick<Personal, 'typing' | 'presence'>
  readonly views: Pick<Views, 'clientEvents'>
}

/** Builds the sending to application services. Does not start it. */
export const buildAppservicesOut = (
  { config, store, clock, logger }: Ground,
  { services, requests }: { readonly services: AppServices; readonly requests: AppserviceRequests },
  { streams, personal, views }: AroundAppservices,
): AppservicesOut => {
  const { rooms } = store
  const all = () => services.all()
  const interest = new Interest({ own: config.server.name, rooms, users: store.deviceLists, services: all })
  const devices = new DeviceNews({
    interest,
    reader: store.appservicesOut,
    messages: store.toDevice,
    keys: store.deviceKeys,
    position: () => streams.positions().toDevice,
  })
  const maker = new TransactionMaker({
    ...{ interest, devices, rooms },
    reader: store.appservicesOut,
    deviceLists: store.deviceListsTold,
    departures: new Departures({ interest, reader: store.deviceLists }),
    ephemeral: new EphemeralNews({ rooms, receipts: store.receipts, ...personal }),
    textOf: (event) => views.clientEvents.text(event, { device: undefined, nowMs: clock.nowMs(), once: true }, 'full'),
  })
  return new AppservicesOut({
    ...{ clock, logger, streams, requests, services: all },
    telling: { interest, maker, presence: personal.presence },
    store: {
      reader: store.appservicesOut,
      writer: writers.appservicesOut,
      commit: store.commit,
      rooms: store.federationOut,
    },
  })
}
