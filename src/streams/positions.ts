export interface StreamDeclaration {
  /** The store tells the positions of streams in the database. Streams in memory have positions of `ephemeral-position.ts`. */
  readonly kept: 'database' | 'memory'
  /**
   * The position for a client whose token is older than the stream: `beginning` sends it the whole stream, `now` only later items.
   * `never`: every token has the stream.
   */
  readonly missing: 'beginning' | 'now' | 'never'
}

/** The streams that clients read, in the order of their positions in tokens. New ones are added at the end; none moves or goes. */
export const STREAM_DECLARATIONS = {
  events: { kept: 'database', missing: 'never' },
  receipts: { kept: 'database', missing: 'never' },
  accountData: { kept: 'database', missing: 'never' },
  toDevice: { kept: 'database', missing: 'never' },
  deviceLists: { kept: 'database', missing: 'never' },
  typing: { kept: 'memory', missing: 'never' },
  presence: { kept: 'memory', missing: 'never' },
  threadSubscriptions: { kept: 'database', missing: 'now' },
  stickyEvents: { kept: 'database', missing: 'beginning' },
  profiles: { kept: 'database', missing: 'beginning' },
} as const satisfies Readonly<Record<string, StreamDeclaration>>

type Declarations = typeof STREAM_DECLARATIONS
type KeptIn<Place extends StreamDeclaration['kept']> = {
  [Name in keyof Declarations]: Declarations[Name]['kept'] extends Place ? Name : never
}[keyof Declarations]

export type StreamName = keyof Declarations
export type EphemeralStreamName = KeptIn<'memory'>
/** `sessions` tells of access tokens that became void, `federationEdus` of EDUs that go to other servers. No client reads them, so tokens have no place for them. */
export type DurableStreamName = KeptIn<'database'> | 'sessions' | 'federationEdus'

export const STREAMS = Object.keys(STREAM_DECLARATIONS) as readonly StreamName[]

/** How far each stream reaches: everything at or below is readable, nothing below comes later. */
export type Positions = Readonly<Record<StreamName, number>>

/** The positions of a client's token, with what it was told of streams that a restart empties. */
export interface ToldPositions extends Positions {
  /** Numbers of rooms in which the client was told that somebody types, and not yet that nobody does. */
  readonly typingIn?: readonly number[]
  /** Names the fields of profiles that the client was told of, see `profileFieldsMark`; absent: none. */
  readonly profileFields?: string
}

/** The same for the streams in the database, as the store tells it. */
export type DurablePositions = Readonly<Record<DurableStreamName, number>>

export const samePositions = (one: Positions, other: Positions): boolean =>
  STREAMS.every((stream) => one[stream] === other[stream])
