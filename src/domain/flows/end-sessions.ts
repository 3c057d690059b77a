import type { DeviceId, JsonObject, UserId } from '#spec'
import type { Change, Commit } from '#store'
import type { Accounts } from '../accounts/index.ts'
import type { Devices } from '../devices/index.ts'
import type { InteractiveAuth, UiaAnswer } from '../uia/index.ts'
import { PASSWORD_STAGE, passwordStage } from './stages.ts'

/** What hangs on devices elsewhere, and ends with them. */
export interface DeviceTraces {
  /** Removes what is left of the user's devices that are gone; stands behind their removal in the same commit. */
  orphansOf(userId: UserId): Change<void>
}

/** Logout and removal of devices. Whatever hangs on a device goes in the same commit. */
export class EndSessions {
  readonly #accounts: Accounts
  readonly #devices: Devices
  readonly #uia: InteractiveAuth
  readonly #traces: DeviceTraces
  readonly #commit: Commit

  constructor(accounts: Accounts, devices: Devices, uia: InteractiveAuth, traces: DeviceTraces, commit: Commit) {
    this.#accounts = accounts
    this.#devices = devices
    this.#uia = uia
    this.#traces = traces
    this.#commit = commit
  }

  /** "The device associated with the access token is also deleted." */
  async logOut(userId: UserId, deviceId: DeviceId): Promise<void> {
    await this.#remove(userId, [deviceId])
  }

  async logOutAll(userId: UserId): Promise<void> {
    const [removed] = await this.#commit([this.#devices.removeAll(userId), this.#traces.orphansOf(userId)])
    this.#devices.removed(removed)
  }

  /** `DELETE /devices/{deviceId}`; for the removed and the unknown alike. */
  deleteDevice(userId: UserId, deviceId: DeviceId, auth: JsonObject | undefined): Promise<UiaAnswer<void>> {
    return this.#authenticated(`DELETE /devices/${deviceId}`, userId, auth, {}, () => [deviceId])
  }

  /** `POST /delete_devices` */
  deleteDevices(
    userId: UserId,
    deviceIds: readonly DeviceId[],
    auth: JsonObject | undefined,
  ): Promise<UiaAnswer<void>> {
    const body = deviceIds.length === 0 ? {} : { devices: deviceIds }
    return this.#authenticated(
      'POST /delete_devices',
      userId,
      auth,
      body,
      ({ devices }) => (devices ?? []) as DeviceId[],
    )
  }

  #authenticated(
    operation: string,
    requester: UserId,
    auth: JsonObject | undefined,
    body: JsonObject,
    deviceIds: (body: JsonObject) => readonly DeviceId[],
  ): Promise<UiaAnswer<void>> {
    return this.#uia.run(
      { operation, requester, flows: [[PASSWORD_STAGE]], stages: [passwordStage(this.#accounts)], auth, body },
      { perform: (granted) => this.#remove(requester, deviceIds(granted.body)) },
    )
  }

  async #remove(userId: UserId, deviceIds: readonly DeviceId[]): Promise<void> {
    const [removed] = await this.#commit([this.#devices.remove(userId, deviceIds), this.#traces.orphansOf(userId)])
    this.#devices.removed(removed)
  }
}
