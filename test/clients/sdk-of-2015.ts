import { createRequire } from 'node:module'
import type { Json } from '../support/client.ts'

/**
 * matrix-js-sdk 0.2.2 of October 2015, as its users had it: nothing of it is changed, and it asks through the `request` package that it
 * came with. It was written before types; these are of what the tests use.
 */

export interface OldEvent {
  readonly event: Json
  readonly sender: OldMember | null
  readonly target: OldMember | null
  /** null: it came from the server, or the server has taken it. */
  readonly status: string | null
  getId(): string
  getType(): string
  getSender(): string
  getContent(): Json
  getPrevContent(): Json
  getStateKey(): string | undefined
  getAge(): number
}

export interface OldMember {
  readonly userId: string
  readonly name: string
  readonly membership: string
  readonly typing: boolean
  readonly powerLevel: number
}

export interface OldRoom {
  readonly roomId: string
  readonly name: string
  readonly timeline: readonly OldEvent[]
  readonly oldState: { readonly paginationToken: string | null }
  readonly currentState: { getStateEvents(type: string, stateKey: string): OldEvent | null }
  getMember(userId: string): OldMember | null
  getJoinedMembers(): readonly OldMember[]
  hasMembershipState(userId: string, membership: string): boolean
}

export interface OldUser {
  readonly presence: string
  readonly displayName: string | undefined
  readonly avatarUrl: string | null | undefined
  readonly lastActiveAgo: number
}

type EventId = Promise<{ readonly event_id: string }>

export interface OldClient {
  readonly credentials: { readonly userId: string }
  on(name: string, listener: (...args: Json[]) => void): void
  removeListener(name: string, listener: (...args: Json[]) => void): void
  startClient(historyLen?: number): void
  stopClient(): void
  register(username: string, password: string, sessionId?: string, auth?: object): Promise<Json>
  loginFlows(): Promise<Json>
  loginWithPassword(user: string, password: string): Promise<Json>
  getRoom(roomId: string): OldRoom | null
  getRooms(): readonly OldRoom[]
  getUser(userId: string): OldUser | null
  createRoom(options: object): Promise<{ readonly room_id: string; readonly room_alias?: string }>
  joinRoom(roomIdOrAlias: string): Promise<OldRoom>
  invite(roomId: string, userId: string): Promise<Json>
  leave(roomId: string): Promise<Json>
  kick(roomId: string, userId: string, reason?: string): Promise<Json>
  ban(roomId: string, userId: string, reason?: string): Promise<Json>
  unban(roomId: string, userId: string): Promise<Json>
  sendMessage(roomId: string, content: object, txnId?: string): EventId
  sendTextMessage(roomId: string, body: string, txnId: string): EventId
  sendStateEvent(roomId: string, type: string, content: object, stateKey?: string): EventId
  getStateEvent(roomId: string, type: string, stateKey?: string): Promise<Json>
  roomState(roomId: string): Promise<readonly Json[]>
  setRoomName(roomId: string, name: string): EventId
  setRoomTopic(roomId: string, topic: string): EventId
  setPowerLevel(roomId: string, userId: string, level: number, event: OldEvent | null): EventId
  redactEvent(roomId: string, eventId: string): EventId
  sendTyping(roomId: string, isTyping: boolean, timeoutMs: number): Promise<Json>
  setDisplayName(name: string): Promise<Json>
  setAvatarUrl(url: string): Promise<Json>
  getProfileInfo(userId: string, info?: string): Promise<Json>
  setPresence(presence: string): Promise<Json>
  scrollback(room: OldRoom, limit: number): Promise<OldRoom>
  createAlias(alias: string, roomId: string): Promise<Json>
  getRoomIdForAlias(alias: string): Promise<Json>
  publicRooms(): Promise<Json>
  turnServer(): Promise<Json>
  addPushRule(scope: string, kind: string, ruleId: string, body: object): Promise<Json>
  deletePushRule(scope: string, kind: string, ruleId: string): Promise<Json>
  getPushActionsForEvent(event: OldEvent): Json
}

interface OldHttpApi {
  authedRequest(callback: undefined, method: string, path: string, query?: object, body?: object): Promise<Json>
}

interface OldSdk {
  createClient(options: { baseUrl: string; userId?: string; accessToken?: string }): OldClient
  readonly MatrixHttpApi: new (options: {
    baseUrl: string
    prefix: string
    accessToken: string
    onlyData: true
    request: unknown
  }) => OldHttpApi
}

const require = createRequire(import.meta.url)
const sdk: OldSdk = require('matrix-js-sdk-2015')
const request: unknown = createRequire(require.resolve('matrix-js-sdk-2015'))('request')

export const makeOldClient = (baseUrl: string, account: { userId?: string; accessToken?: string } = {}): OldClient =>
  sdk.createClient({ baseUrl, ...account })

/** The part of the SDK for what it has no method for yet, like receipts. */
export const makeOldHttpApi = (baseUrl: string, accessToken: string): OldHttpApi =>
  new sdk.MatrixHttpApi({ baseUrl, prefix: '/_matrix/client/v2_alpha', accessToken, onlyData: true, request })

/** Runs the client until its initial sync is in place. */
export const startOldClient = (client: OldClient, historyLen = 12): Promise<void> =>
  new Promise((resolve, reject) => {
    client.on('syncComplete', () => resolve())
    client.on('syncError', (error) => reject(error instanceof Error ? error : new Error(String(error))))
    client.startClient(historyLen)
  })

/** What the SDK says when something changed; "event" comes last, when all that an answer brought is in place. */
const CHANGES = ['event', 'Room', 'Room.timeline', 'syncComplete'] as const

/** Waits until `find` finds something in what the client holds. */
export const oldSees = <Found>(client: OldClient, find: () => Found | undefined | null | false): Promise<Found> =>
  new Promise((resolve) => {
    const look = (): void => {
      const found = find()
      if (!found) return
      for (const change of CHANGES) client.removeListener(change, look)
      resolve(found)
    }
    for (const change of CHANGES) client.on(change, look)
    look()
  })

export const oldTexts = (room: OldRoom | null): readonly string[] =>
  (room?.timeline ?? []).filter((event) => event.getType() === 'm.room.message').map((e) => e.getContent().body)

/** A message as the server gave it, no echo of one's own. */
export const oldMessage = (client: OldClient, roomId: string, text: string): Promise<OldEvent> =>
  oldSees(client, () =>
    client.getRoom(roomId)?.timeline.find((event) => event.getContent().body === text && event.event.age !== undefined),
  )

export const oldMembership = (client: OldClient, roomId: string, userId: string, membership: string) =>
  oldSees(client, () => {
    const member = client.getRoom(roomId)?.getMember(userId)
    return member?.membership === membership ? member : undefined
  })
