const API_V1 = '/_matrix/client/api/v1'
const V2_ALPHA = '/_matrix/client/v2_alpha'

/** The current path and its `r0` twin: path history of one endpoint, not two endpoints. */
export const v3 = (path: string): readonly [string, string] => [
  `/_matrix/client/v3${path}`,
  `/_matrix/client/r0${path}`,
]

export const v1Only = (path: string): readonly [string] => [`/_matrix/client/v1${path}`]

/** The same with the path from when the operation was a proposal, which clients of that time use. */
export const sinceProposal = (path: string): readonly [string, ...string[]] => [
  ...v3(path),
  `/_matrix/client/unstable${path}`,
]

/** The paths of September 2015: clients of that time use both prefixes. */
export const oldPaths = (path: string): readonly [string, string] => [`${API_V1}${path}`, `${V2_ALPHA}${path}`]
/** All paths of an endpoint that is the same today as in 2015. */
export const sinceV1 = (path: string): readonly [string, ...string[]] => [...v3(path), ...oldPaths(path)]
/** All paths of an endpoint that came with the second version of the API, in its alpha of 2015. */
export const sinceV2 = (path: string): readonly [string, ...string[]] => [...v3(path), `${V2_ALPHA}${path}`]
/** Whether a request came by a path of 2015, and is answered in the form of that time. */
export const isOldPath = (path: string): boolean => path.startsWith(`${API_V1}/`) || path.startsWith(`${V2_ALPHA}/`)
/** Under `api/v1` a bad access token was answered 403, not 401. */
export const isV1Path = (path: string): boolean => path.startsWith(`${API_V1}/`)
/** Whether a request came by `r0`, which clients used that still had words and forms of 2015. */
export const isR0Path = (path: string): boolean => path.startsWith('/_matrix/client/r0/')
