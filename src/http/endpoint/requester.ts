import type { DeviceId, UserId } from '#spec'

/** What the edge knows of somebody with an account and a session. */
interface Session {
  readonly userId: UserId
  /** Internal number of the user. */
  readonly user: number
  readonly deviceId: DeviceId
  /** Internal number of the device; transaction ids and to-device messages hang on it. */
  readonly device: number
}

export interface User extends Session {
  readonly kind: 'user'
  /** May administer this server. */
  readonly admin: boolean
}

/** An account that was given out without a name (client-server API, module "Guest Access"). */
export interface Guest extends Session {
  readonly kind: 'guest'
}

/** Everybody who can call this server, told apart by `kind`: whoever is added here has to be thought of in each `switch`. */
export type Requester = User | Guest
