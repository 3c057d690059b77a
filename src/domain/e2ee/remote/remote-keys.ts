import { type Clock, yieldToEventLoop } from '#base'
import type { DeviceId, UserId } from '#spec'
import type { CrossSigningReader } from '#store'
import type { ClaimedKeys, ClaimsWanted, DevicesWanted, KeyAnswer, KeySource, UserKeys } from '../key-source.ts'
import { crossSigningTexts, deviceKeysText, keyName, signaturesByKey, withSignaturesOf } from '../signed-keys.ts'
import type { AnsweredKeys } from './answered-keys.ts'
import type { AskServers } from './ask-servers.ts'

export interface RemoteKeysParts {
  readonly servers: Pick<AskServers, 'query' | 'claim'>
  /** Signatures that users here made on keys of others. */
  readonly signatures: Pick<CrossSigningReader, 'signaturesOn'>
  readonly clock: Clock
}

const DEVICES_A_SLICE = 200

/** Keys of the users of other servers. */
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
    const { found, failures } = await this.#parts.servers.query(wanted, timeoutMs)
    return { found: await this.#asSeenBy(asker, wanted, found), failures }
  }

  async claim(wanted: ClaimsWanted, timeoutMs: number): Promise<KeyAnswer<ClaimedKeys>> {
    return this.#parts.servers.claim(wanted, timeoutMs)
  }

  async #asSeenBy(
    asker: UserId,
    wanted: DevicesWanted,
    keys: ReadonlyMap<UserId, AnsweredKeys>,
  ): Promise<ReadonlyMap<UserId, UserKeys>> {
    const { signatures, clock } = this.#parts
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
