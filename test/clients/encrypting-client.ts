import 'fake-indexeddb/auto'
import {
  ClientEvent,
  createClient,
  EventType,
  type ICreateClientOpts,
  type MatrixClient,
  MatrixError,
  type MatrixEvent,
  MatrixEventEvent,
  RoomEvent,
  RoomMemberEvent,
  RoomStateEvent,
  SyncState,
} from 'matrix-js-sdk'
import { CryptoEvent } from 'matrix-js-sdk/lib/crypto-api/CryptoEvent.js'
import type { UIAuthCallback } from 'matrix-js-sdk/lib/interactive-auth.js'
import { expect, vi } from 'vitest'
import { PASSWORD, type TestClient } from '../support/client.ts'

/** The SDK and its Rust part tell all they do, in part through the console; a failing test says enough. */
export const silenceConsole = (): void => {
  for (const method of ['debug', 'info', 'log', 'trace', 'warn', 'error'] as const)
    vi.spyOn(console, method).mockImplementation(() => {})
}

const silent: NonNullable<ICreateClientOpts['logger']> = {
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  getChild: () => silent,
}

/** Events of the SDK's objects after which another look may find more. */
const CHANGES = [
  ClientEvent.Sync,
  RoomEvent.Timeline,
  RoomEvent.MyMembership,
  RoomMemberEvent.Membership,
  RoomStateEvent.Events,
  MatrixEventEvent.Decrypted,
  CryptoEvent.DevicesUpdated,
  CryptoEvent.UserTrustStatusChanged,
  CryptoEvent.KeysChanged,
  CryptoEvent.VerificationRequestReceived,
] as const

let made = 0

/** A device of today: matrix-js-sdk with its Rust cryptography. Its keys outlive a stop, as in a browser. */
export class EncryptingClient {
  readonly account: TestClient
  readonly #baseUrl: () => string
  readonly #databasePrefix = `device-${made++}`
  readonly #options: Partial<ICreateClientOpts>
  #client: MatrixClient | undefined

  constructor(baseUrl: () => string, account: TestClient, options: Partial<ICreateClientOpts> = {}) {
    this.#baseUrl = baseUrl
    this.account = account
    this.#options = options
  }

  get client(): MatrixClient {
    if (this.#client === undefined) throw new Error('this client is stopped')
    return this.#client
  }

  get crypto(): NonNullable<ReturnType<MatrixClient['getCrypto']>> {
    const crypto = this.client.getCrypto()
    if (crypto === undefined) throw new Error('this client does not encrypt')
    return crypto
  }

  get userId(): string {
    return this.account.userId
  }

  get deviceId(): string {
    return this.account.deviceId
  }

  async start(): Promise<this> {
    const { userId, deviceId, accessToken = '' } = this.account
    const client = createClient({
      baseUrl: this.#baseUrl(),
      logger: silent,
      ...{ userId, deviceId, accessToken },
      ...this.#options,
    })
    this.#client = client
    await client.initRustCrypto({ cryptoDatabasePrefix: this.#databasePrefix })
    const prepared = new Promise<void>((resolve) => {
      client.on(ClientEvent.Sync, (state) => {
        if (state === SyncState.Prepared) resolve()
      })
    })
    await client.startClient({ initialSyncLimit: 30 })
    await prepared
    return this
  }

  stop(): void {
    this.#client?.stopClient()
    this.#client = undefined
  }

  /** Waits until `find` finds something; looks again whenever the client learned something. */
  eventually<Found>(find: () => Found | undefined | null | false): Promise<Found> {
    const { client } = this
    return new Promise((resolve) => {
      const look = (): void => {
        const found = find()
        if (!found) return
        for (const change of CHANGES) client.off(change, look)
        resolve(found)
      }
      for (const change of CHANGES) client.on(change, look)
      look()
    })
  }

  /** Waits for what has to be asked for; asks again until it is so. */
  async becomes(ask: () => Promise<boolean>): Promise<void> {
    await expect.poll(ask, { timeout: 30_000 }).toBe(true)
  }

  /** The text that a room's message was decrypted to. */
  reads(roomId: string, text: string): Promise<MatrixEvent> {
    return this.eventually(() =>
      this.client
        .getRoom(roomId)
        ?.getLiveTimeline()
        .getEvents()
        .find((event) => event.status === null && event.getContent().body === text),
    )
  }

  /** Sends an encrypted text; answers with the id of its event. */
  async says(roomId: string, text: string): Promise<string> {
    await this.eventually(() => this.client.getRoom(roomId)?.hasEncryptionStateEvent())
    const { event_id: eventId } = await this.client.sendTextMessage(roomId, text)
    expect((await this.account.getEvent(roomId, eventId)).type).toBe(EventType.RoomMessageEncrypted)
    return eventId
  }

  isIn(roomId: string, userId: string = this.userId): Promise<boolean> {
    return this.eventually(() => this.client.getRoom(roomId)?.getMember(userId)?.membership === 'join')
  }

  /** Makes the keys of the user's identity, and signs this device with them. */
  bootstrap(options: { readonly setupNewCrossSigning?: boolean } = {}): Promise<void> {
    return this.crypto.bootstrapCrossSigning({ ...options, authUploadDeviceSigningKeys: this.byPassword })
  }

  /** Asks for the password where the server asks who somebody is, as a client does. */
  readonly byPassword: UIAuthCallback<void> = async (makeRequest) => {
    try {
      return await makeRequest(null)
    } catch (error) {
      if (!(error instanceof MatrixError) || error.httpStatus !== 401) throw error
      const identifier = { type: 'm.id.user', user: this.userId }
      return makeRequest({ type: 'm.login.password', session: error.data.session, identifier, password: PASSWORD })
    }
  }
}

/** A room with encryption from its beginning, in which all are. */
export const encryptedRoom = async (
  owner: EncryptingClient,
  ...others: readonly EncryptingClient[]
): Promise<string> => {
  const encryption = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }
  const roomId = await owner.account.createRoom({
    preset: 'private_chat',
    invite: [...new Set(others.map(({ userId }) => userId))].filter((userId) => userId !== owner.userId),
    initial_state: [encryption],
  })
  for (const other of others) if (other.userId !== owner.userId) await other.account.join(roomId)
  for (const one of [owner, ...others]) for (const { userId } of [owner, ...others]) await one.isIn(roomId, userId)
  return roomId
}
