import type { HistogramReading, Metrics, Reading } from '#http'
import type { HistogramValues, Store } from '#store'
import type { Streams } from '#streams'

export interface Measured {
  readonly store: Store
  readonly streams: Streams
  replacedKeys(): number
}

/** Readings of the store, the streams and the domain. */
export const addEngineReadings = (metrics: Metrics, { store, streams, replacedKeys }: Measured): void => {
  const readings: readonly Reading[] = [
    {
      name: 'homeroom_store_queue_length',
      help: 'Commits that wait or are being written.',
      kind: 'gauge',
      read: () => store.stats().queueLength,
    },
    {
      name: 'homeroom_store_conflicts_total',
      help: 'Commits whose ground had moved.',
      kind: 'counter',
      read: () => store.stats().conflicts,
    },
    {
      name: 'homeroom_store_failures_total',
      help: 'Commits that the database could not do.',
      kind: 'counter',
      read: () => store.stats().failures,
    },
    {
      name: 'homeroom_streams_waiting',
      help: 'Long polls that wait now.',
      kind: 'gauge',
      read: () => streams.waiting,
    },
    {
      name: 'homeroom_replaced_device_keys_total',
      help: 'Identity keys that a device replaced by others; its contacts are warned.',
      kind: 'counter',
      read: replacedKeys,
    },
  ]
  metrics.addReadings(readings)
  metrics.addHistograms([
    histogram('homeroom_store_group_size', 'Commits written in one transaction.', () => store.stats().groupSizes),
    histogram('homeroom_store_commit_milliseconds', 'From commit to answer.', () => store.stats().commitMs),
  ])
}

const histogram = (name: string, help: string, read: () => HistogramValues): HistogramReading => ({ name, help, read })
