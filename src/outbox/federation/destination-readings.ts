import type { DestinationStatus } from './federation-out.ts'

/** Destinations that have readings of their own. */
const SHOWN = 50

/** The destinations in most trouble first: those that fail, the longest; then those for which most waits. */
export const troubledFirst = (statuses: readonly DestinationStatus[]): readonly DestinationStatus[] =>
  statuses.toSorted(
    (one, other) =>
      (one.failingSinceMs ?? Number.POSITIVE_INFINITY) - (other.failingSinceMs ?? Number.POSITIVE_INFINITY) ||
      other.pending - one.pending,
  )

/** A reading by destination, of the few in most trouble: a server may talk with ten thousand. */
export interface DestinationReading {
  readonly name: string
  readonly help: string
  readonly kind: 'gauge'
  readonly label: string
  read(): Iterable<readonly [value: string, number: number]>
}

export const destinationReadings = (
  statuses: () => readonly DestinationStatus[],
  nowMs: () => number,
): readonly DestinationReading[] => {
  const each = (
    name: string,
    help: string,
    number: (status: DestinationStatus) => number | undefined,
  ): DestinationReading => ({
    ...{ name, help, kind: 'gauge', label: 'destination' },
    read: () =>
      troubledFirst(statuses())
        .slice(0, SHOWN)
        .flatMap((status) => {
          const value = number(status)
          return value === undefined ? [] : [[status.server, value] as const]
        }),
  })
  const seconds = (fromMs: number | undefined, toMs: number | undefined): number | undefined =>
    fromMs === undefined || toMs === undefined ? undefined : Math.max(0, Math.round((toMs - fromMs) / 1_000))
  return [
    each('homeroom_federation_pending_events', 'Events that wait in memory for a server.', ({ pending }) => pending),
    each(
      'homeroom_federation_failures',
      'Transactions in a row that a server did not take.',
      (status) => status.failures,
    ),
    each(
      'homeroom_federation_last_transaction_seconds',
      'Time since a server took a transaction.',
      ({ lastSuccessMs }) => seconds(lastSuccessMs, nowMs()),
    ),
    each('homeroom_federation_retry_seconds', 'Time until a server that failed is tried again.', ({ retryAtMs }) =>
      seconds(nowMs(), retryAtMs),
    ),
    {
      name: 'homeroom_federation_destinations',
      help: 'Servers to which this process sends, by whether they take it.',
      kind: 'gauge',
      label: 'state',
      read: () => {
        const all = statuses()
        const failing = all.filter(({ failures }) => failures > 0).length
        return [
          ['working', all.length - failing],
          ['failing', failing],
        ]
      },
    },
  ]
}
