import {
  ClientEvent,
  createClient,
  type ICreateClientOpts,
  type IStartClientOpts,
  type MatrixClient,
  type MatrixEvent,
  RoomEvent,
  RoomMemberEvent,
  RoomStateEvent,
  SyncState,
  UserEvent,
} from 'matrix-js-sdk'

/** The current matrix-js-sdk beside the one of 2015: just enough to look at what it holds. */

export const silent: NonNullable<ICreateClientOpts['logger']> = {
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  getChild: () => silent,
}

export const startClientOfToday = async (
  baseUrl: string,
  account: { userId: string; accessToken: string; deviceId: string },
  start: IStartClientOpts = {},
): Promise<MatrixClient> => {
  const client = createClient({ baseUrl, logger: silent, timelineSupport: true, ...account })
  const prepared = new Promise<void>((resolve) => {
    client.on(ClientEvent.Sync, (state) => {
      if (state === SyncState.Prepared) resolve()
    })
  })
  await client.startClient({ initialSyncLimit: 20, ...start })
  await prepared
  return client
}

const CHANGES = [
  ClientEvent.Sync,
  RoomEvent.Timeline,
  RoomEvent.Receipt,
  RoomEvent.Redaction,
  RoomEvent.MyMembership,
  RoomMemberEvent.Typing,
  RoomMemberEvent.Membership,
  RoomStateEvent.Events,
  UserEvent.Presence,
] as const

/** Waits until `find` finds something in what the client holds. */
export const newSees = <Found>(client: MatrixClient, find: () => Found | undefined | null | false): Promise<Found> =>
  new Promise((resolve) => {
    const look = (): void => {
      const found = find()
      if (!found) return
      for (const change of CHANGES) client.off(change, look)
      resolve(found)
    }
    for (const change of CHANGES) client.on(change, look)
    look()
  })

export const newTimeline = (client: MatrixClient, roomId: string): readonly MatrixEvent[] =>
  client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? []

export const newTexts = (client: MatrixClient, roomId: string): readonly string[] =>
  newTimeline(client, roomId)
    .filter((event) => event.getType() === 'm.room.message' && !event.isRedacted())
    .map((event) => String(event.getContent().body))

/** A message as the server gave it, no echo of one's own. */
export const newMessage = (client: MatrixClient, roomId: string, text: string): Promise<MatrixEvent> =>
  newSees(client, () =>
    newTimeline(client, roomId).find((event) => event.getContent().body === text && event.status === null),
  )

export const newMembership = (client: MatrixClient, roomId: string, userId: string, membership: string) =>
  newSees(client, () => {
    const member = client.getRoom(roomId)?.getMember(userId)
    return member?.membership === membership ? member : undefined
  })
