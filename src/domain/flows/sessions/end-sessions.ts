import type { DeviceId, JsonObject, UserId } from '#spec'
import type { Change, Commit } from '#store'
import type { BrowserSessions } from '../../browser-sessions/index.ts'
import type { Devices } from '../../devices/index.ts'
import type { InteractiveAuth, UiaAnswer } from '../../uia/index.ts'
import type { Reauthentication } from '../stages/reauthentication.ts'

/** Data that other folders keep for devices, and that ends with them. */
export interface DeviceTraces {
  /** Removes what is left of the user's devices that are gone; stands behind their removal in the same commit. */
  orphansOf(userId: UserId): readonly Change<unknown>[]
  /** Ends what a user began that hangs on no device of theirs; for the end of all their sessions. */
  endingWithAllOf(userId: UserId): readonly Change<unknown>[]
}

export interface EndSessionsParts {
  readonly devices: Devices
  readonly uia: InteractiveAuth
  readonly reauthentication: Reauthentication
  readonly traces: DeviceTraces
  readonly browsers: Pick<BrowserSessions, 'endingAllOf'>
  readonly commit: Commit
}

/** Logout and removal of devices. Whatever hangs on a device goes in the same commit. */
export class EndSessions {
  readonly #parts: EndSessionsParts

  constructor(parts: EndSessionsParts) {
    this.#parts = parts
  }

  /** "The device associated with the access token is also deleted." */
  async logOut(userId: UserId, deviceId: DeviceId): Promise<void> {
    await this.#remove(userId, [deviceId])
  }

  /**
   * For administrators and for the application service of the user, who need no authentication; `also` goes into the same commit. Unknown devices are
   * passed over.
   */
  async removeDevices(
    userId: UserId,
    deviceIds: readonly DeviceId[],
    also: readonly Change<void>[] = [],
  ): Promise<void> {
    await this.#remove(userId, deviceIds, also)
  }

  /** Ends the sessions at browsers too. Returns the ids of the devices that are gone. `also` goes into the same commit. */
  async logOutAll(userId: UserId, also: readonly Change<void>[] = []): Promise<readonly DeviceId[]> {
    const { commit, devices, traces, browsers, uia } = this.#parts
    const [removed] = await commit([
      devices.removeAll(userId),
      ...traces.orphansOf(userId),
      uia.endingAllOf(userId),
      ...traces.endingWithAllOf(userId),
      browsers.endingAllOf(userId),
      ...also,
    ] as const)
    return removed.map(({ deviceId }) => deviceId)
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

  async #authenticated(
    operation: string,
    requester: UserId,
    auth: JsonObject | undefined,
    body: JsonObject,
    deviceIds: (body: JsonObject) => readonly DeviceId[],
  ): Promise<UiaAnswer<void>> {
    return this.#parts.uia.run(
      { operation, requester, ...(await this.#parts.reauthentication.offerFor(requester)), auth, body },
      { perform: (granted) => this.#remove(requester, deviceIds(granted.body)) },
    )
  }

  async #remove(userId: UserId, deviceIds: readonly DeviceId[], also: readonly Change<void>[] = []): Promise<void> {
    const { commit, devices, traces } = this.#parts
    await commit([devices.remove(userId, deviceIds), ...traces.orphansOf(userId), ...also])
  }
}
