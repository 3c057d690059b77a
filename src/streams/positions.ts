/** Streams kept in the database; the store tells how far they reach. */
export const DURABLE = ['events', 'receipts', 'accountData', 'toDevice', 'deviceLists'] as const
/** Streams that live in memory. Their positions start at the time of the start in milliseconds, so they never repeat. */
export const EPHEMERAL = ['typing', 'presence'] as const
export const STREAMS = [...DURABLE, ...EPHEMERAL] as const

export type DurableStreamName = (typeof DURABLE)[number]
export type EphemeralStreamName = (typeof EPHEMERAL)[number]
export type StreamName = (typeof STREAMS)[number]

/** How far each stream reaches: everything at or below is readable, nothing below comes later. */
export type Positions = Readonly<Record<StreamName, number>>

export const samePositions = (one: Positions, other: Positions): boolean =>
  STREAMS.every((stream) => one[stream] === other[stream])
