import type { JsonObject } from './json.ts'

/**
 * The error catalogue: errcode -> HTTP status where the specification gives one (client-server API, "Standard error
 * response" and the modules). A thrower may give another status where an endpoint documents one.
 */
export const ERROR_STATUS = {
  M_FORBIDDEN: 403,
  M_UNKNOWN_TOKEN: 401,
  M_MISSING_TOKEN: 401,
  M_USER_LOCKED: 401,
  M_USER_SUSPENDED: 403,
  // The edge adds the `info_uri` that it must have.
  M_USER_LIMIT_EXCEEDED: 403,
  M_BAD_JSON: 400,
  M_NOT_JSON: 400,
  M_NOT_FOUND: 404,
  M_LIMIT_EXCEEDED: 429,
  M_UNRECOGNIZED: 404,
  M_UNKNOWN: 500,
  M_UNAUTHORIZED: 401,
  M_USER_DEACTIVATED: 403,
  M_USER_IN_USE: 400,
  M_INVALID_USERNAME: 400,
  M_ROOM_IN_USE: 400,
  M_INVALID_ROOM_STATE: 400,
  M_THREEPID_IN_USE: 400,
  M_THREEPID_NOT_FOUND: 400,
  M_THREEPID_AUTH_FAILED: 401,
  M_THREEPID_DENIED: 403,
  // The document of 2015, "Email-based (url)".
  M_LOGIN_EMAIL_URL_NOT_YET: 403,
  M_SERVER_NOT_TRUSTED: 400,
  // Errors of identity servers, passed on to clients.
  M_TERMS_NOT_SIGNED: 403,
  M_UNSUPPORTED_ROOM_VERSION: 400,
  M_INCOMPATIBLE_ROOM_VERSION: 400,
  M_BAD_STATE: 400,
  M_GUEST_ACCESS_FORBIDDEN: 403,
  M_CAPTCHA_NEEDED: 401,
  M_CAPTCHA_INVALID: 401,
  M_MISSING_PARAM: 400,
  M_INVALID_PARAM: 400,
  M_TOO_LARGE: 413,
  M_EXCLUSIVE: 400,
  M_RESOURCE_LIMIT_EXCEEDED: 403,
  M_CANNOT_LEAVE_SERVER_NOTICE_ROOM: 403,
  M_THREEPID_MEDIUM_NOT_SUPPORTED: 400,
  M_WEAK_PASSWORD: 400,
  M_UNABLE_TO_AUTHORISE_JOIN: 400,
  M_UNABLE_TO_GRANT_JOIN: 400,
  M_BAD_ALIAS: 400,
  M_DUPLICATE_ANNOTATION: 400,
  M_INVALID_SIGNATURE: 400,
  M_NOT_YET_UPLOADED: 504,
  M_CANNOT_OVERWRITE_MEDIA: 409,
  M_UNKNOWN_POS: 400,
  M_URL_NOT_SET: 400,
  M_BAD_STATUS: 502,
  M_CONNECTION_FAILED: 502,
  M_CONNECTION_TIMEOUT: 504,
  M_WRONG_ROOM_KEYS_VERSION: 403,
  M_PROFILE_TOO_LARGE: 400,
  M_KEY_TOO_LARGE: 400,
  M_INVITE_BLOCKED: 403,
  M_APPSERVICE_LOGIN_UNSUPPORTED: 400,
  M_UNKNOWN_DEVICE: 400,
  // Codes of Synapse.
  ORG_MATRIX_EXPIRED_ACCOUNT: 403,
  // MSC3866, whose stable name is no part of the specification yet.
  'ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL': 403,
  // MSC4306.
  'IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION': 409,
  'IO.ELEMENT.MSC4306.M_NOT_IN_THREAD': 400,
  // MSC4388.
  IO_ELEMENT_MSC4388_CONCURRENT_WRITE: 409,
} as const satisfies Record<string, number>

export type Errcode = keyof typeof ERROR_STATUS

export interface MatrixErrorOptions {
  readonly status?: number
  /** Further members of the body: `retry_after_ms`, `soft_logout`, `room_version`, `flows` … */
  readonly fields?: JsonObject
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** The error that domain code throws; only `http` turns it into a status and a body. */
export class MatrixError extends Error {
  override readonly name = 'MatrixError'
  readonly errcode: Errcode
  readonly status: number
  readonly fields: JsonObject
  readonly headers: Readonly<Record<string, string>>

  constructor(errcode: Errcode, message: string, options: MatrixErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.errcode = errcode
    this.status = options.status ?? ERROR_STATUS[errcode]
    this.fields = options.fields ?? {}
    this.headers = options.headers ?? {}
  }
}

/** For everything but a logout: the client keeps what it has stored, and waits until the account is unlocked. Client-server API, "Account locking". */
export const userLocked = (): MatrixError =>
  new MatrixError('M_USER_LOCKED', 'This account is locked', { fields: { soft_logout: true } })

/** For everything but a logout, once the time of the account is over, until an administrator renews it. */
export const accountExpired = (): MatrixError =>
  new MatrixError('ORG_MATRIX_EXPIRED_ACCOUNT', 'This account has expired')

/** For an account that an administrator has not approved yet. `byMail`: the person gets a mail once somebody did (MSC3866). */
export const userAwaitsApproval = (byMail: boolean): MatrixError =>
  new MatrixError(
    'ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL',
    'This account cannot be used before an administrator of the server has approved it',
    { fields: { approval_notice_medium: `org.matrix.msc3866.${byMail ? 'email' : 'none'}` } },
  )

/** For what a suspended account may not do. Client-server API, "Account suspension". */
export const userSuspended = (): MatrixError =>
  new MatrixError('M_USER_SUSPENDED', 'This account is suspended, and cannot do this')
