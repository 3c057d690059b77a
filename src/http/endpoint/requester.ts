import type { DeviceId, UserId } from '#spec'

/** A session of an account. */
interface Session {
  readonly userId: UserId
  readonly user: number
  readonly deviceId: DeviceId
  /** Internal number of the device; transaction ids and to-device messages belong to it. */
  readonly device: number
  /** Whether the account may say nothing new for now (client-server API, "Account suspension"). */
  readonly suspended: boolean
}

export interface User extends Session {
  readonly kind: 'user'
  readonly admin: boolean
}

/** An account that was given out without a name (client-server API, module "Guest Access"). */
export interface Guest extends Session {
  readonly kind: 'guest'
}

/** All kinds of callers, told apart by `kind`. A kind that is added here makes the compiler point at every `switch` that lacks it. */
export type Requester = User | Guest
