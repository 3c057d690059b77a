export type ApplicationType = 'web' | 'native'

/** Printable ASCII without a fragment; a backslash is a slash to browsers and none to others. */
const URI_TEXT = /^[\x21\x22\x24-\x5b\x5d-\x7e]{1,2048}$/
const LOOPBACK = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?(?=[/?]|$)/
const SCHEME = /^([a-z][a-z0-9+.-]*):(?!\/\/)/

/**
 * Whether a client may register that redirect URI: https on the host of the client's page or below it; and for native clients loopback without a
 * port, or a scheme that is the host's name backwards. Client-server API, "Redirect URI validation".
 */
export const mayRedirectTo = (uri: string, type: ApplicationType, clientUri: URL): boolean => {
  if (!URI_TEXT.test(uri)) return false
  if (uri.startsWith('https://') || (uri.startsWith('http://') && clientUri.protocol === 'http:')) {
    const url = URL.parse(uri)
    return url !== null && isBelow(url, clientUri)
  }
  if (type === 'web') return false
  if (uri.startsWith('http://')) return LOOPBACK.test(uri) && withoutPort(uri) === uri && URL.canParse(uri)
  return isOwnScheme(uri, clientUri)
}

/** Whether a URL of the metadata is on the host of the client's page or below it. */
export const isBelow = (url: URL, { hostname, protocol }: URL): boolean =>
  (url.protocol === 'https:' || url.protocol === protocol) &&
  url.username === '' &&
  url.password === '' &&
  (url.hostname === hostname || url.hostname.endsWith(`.${hostname}`))

/** A scheme has a dot, so it is none that browsers do something with, such as `javascript:`. */
const isOwnScheme = (uri: string, { hostname }: URL): boolean => {
  const scheme = SCHEME.exec(uri)?.[1]
  const backwards = hostname.split('.').reverse().join('.')
  return scheme?.includes('.') === true && backwards.includes('.') && `${scheme}.`.startsWith(`${backwards}.`)
}

/** Whether a URL is one of http on this machine. */
export const isLoopback = ({ protocol, hostname }: URL): boolean =>
  protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname)

/** Whether an asked redirect URI is a registered one: letter by letter, but that loopback has any port. */
export const isRegisteredRedirect = (registered: readonly string[], asked: string): boolean =>
  registered.includes(asked) || (LOOPBACK.test(asked) && URL.canParse(asked) && registered.includes(withoutPort(asked)))

const withoutPort = (uri: string): string => uri.replace(/^(http:\/\/(?:\[::1\]|[^/?:]*)):\d{1,5}/, '$1')

/** The receiver of what is sent to a redirect URI, as people may know it. */
export type Receiver =
  | { readonly kind: 'site'; readonly host: string }
  /** An app of this computer or phone that opens such links. */
  | { readonly kind: 'app'; readonly scheme: string }
  /** A program on the computer of the browser. */
  | { readonly kind: 'program' }

export const receiverOf = (redirectUri: string): Receiver => {
  const url = URL.parse(redirectUri)
  if (url?.protocol === 'https:') return { kind: 'site', host: url.host }
  if (url === null || url.protocol === 'http:') return { kind: 'program' }
  return { kind: 'app', scheme: url.protocol.slice(0, -1) }
}
