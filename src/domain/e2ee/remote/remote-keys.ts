import { type Clock, yieldToEventLoop } from '#base'
import type { DeviceId, ServerName, UserId } from '#spec'
import type { Commit, CrossSigningReader, RemoteDeviceListsReader, RemoteDeviceListsWriter } from '#store'
import type { ClaimedKeys, ClaimsWanted, DevicesWanted, KeyAnswer, KeySource, UserKeys } from '../key-source.ts'
import { crossSigningTexts, deviceKeysText, keyName, signaturesByKey, withSignaturesOf } from '../signed-keys.ts'
import type { AnsweredKeys } from './answered-keys.ts'
import type { AskServers } from './ask-servers.ts'

export interface RemoteKeysParts {
  readonly servers: Pick<AskServers, 'query' | 'claim'>
  readonly crossSigning: CrossSigningReader
  readonly lists: { readonly reader: RemoteDeviceListsReader; readonly writer: RemoteDeviceListsWriter }
  readonly commit: Commit
  readonly clock: Clock
  readonly serverName: ServerName
  /** The position of the stream of events. */
  readonly position: () => number
  /** Has the lists asked for that are wanted. */
  readonly resync: { hurry(): void }
}

const DEVICES_A_SLICE = 200
const LISTS_A_COMMIT = 500

/** Keys of the users of other servers: from the lists that are kept in step, else from these servers. */
export class RemoteKeys implements KeySource {
  readonly #parts: RemoteKeysParts

  constructor(parts: RemoteKeysParts) {
    this.#parts = parts
  }

  async query(
    wanted: DevicesWanted,
    asker: UserId,
    timeoutMs: number,
  ): Promise<KeyAnswer<ReadonlyMap<UserId, UserKeys>>> {
    const kept = await this.#kept([...wanted.keys()])
    const others = new Map([...wanted].filter(([userId]) => !kept.has(userId)))
    if (others.size === 0) return { found: await this.#asSeenBy(asker, wanted, kept), failures: {} }
    const { found, failures } = await this.#parts.servers.query(others, timeoutMs)
    // Only of a server that answered: a list that was never told is worth nothing.
    await this.#keepFromNowOn([...found.keys()])
    return { found: await this.#asSeenBy(asker, wanted, new Map([...kept, ...found])), failures }
  }

  async claim(wanted: ClaimsWanted, timeoutMs: number): Promise<KeyAnswer<ClaimedKeys>> {
    const { found, failures } = await this.#parts.servers.claim(wanted, timeoutMs)
    return { found: new Map([...found].filter(([, keys]) => keys.size > 0)), failures }
  }

  async #kept(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, AnsweredKeys>> {
    const { lists, crossSigning, serverName } = this.#parts
    const devices = await lists.reader.devicesOf(userIds, serverName)
    const keysOf = await crossSigning.keysOf([...devices.keys()])
    return new Map(
      [...devices].map(([userId, list]) => [userId, { devices: list, crossSigning: keysOf.get(userId) ?? [] }]),
    )
  }

  /** Users who share a room with this server are told of by their own when their keys change. */
  async #keepFromNowOn(userIds: readonly UserId[]): Promise<void> {
    const { lists, commit, clock, serverName, resync, position } = this.#parts
    const seenAt = position()
    const sharing = await lists.reader.sharing(userIds, serverName)
    // Some may have come in step while their server was asked.
    const kept = await lists.reader.devicesOf(sharing, serverName)
    const wanted = sharing.filter((userId) => !kept.has(userId))
    if (wanted.length === 0) return
    for (let from = 0; from < wanted.length; from += LISTS_A_COMMIT) {
      const userIds = wanted.slice(from, from + LISTS_A_COMMIT)
      await commit([lists.writer.want({ userIds, atMs: clock.nowMs(), seenAt })])
    }
    resync.hurry()
  }

  async #asSeenBy(
    asker: UserId,
    wanted: DevicesWanted,
    keys: ReadonlyMap<UserId, AnsweredKeys>,
  ): Promise<ReadonlyMap<UserId, UserKeys>> {
    const { crossSigning: signatures, clock } = this.#parts
    const uploaded = signaturesByKey(await signatures.signaturesOn([...keys.keys()], asker))
    const seen = new Map<UserId, UserKeys>()
    let count = 0
    for (const [userId, { devices, crossSigning }] of keys) {
      const only = new Set(wanted.get(userId))
      const texts = new Map<DeviceId, string>()
      for (const device of devices) {
        if (only.size > 0 && !only.has(device.deviceId)) continue
        texts.set(device.deviceId, deviceKeysText(device, userId, true, uploaded.get(keyName(userId, device.deviceId))))
        if (++count % DEVICES_A_SLICE === 0) await yieldToEventLoop(clock)
      }
      const signed = crossSigningTexts(crossSigning, false, ({ publicKey, keyJson }) =>
        JSON.stringify(withSignaturesOf(keyJson, userId, uploaded.get(keyName(userId, publicKey)))),
      )
      seen.set(userId, { devices: texts, ...signed })
    }
    return seen
  }
}
