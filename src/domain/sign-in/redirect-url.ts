/** Schemes that a browser executes, opens locally, or shows as if the text were ours. Any other may be that of an app. */
const REFUSED_SCHEMES =
  /^(?:javascript|data|vbscript|blob|file|filesystem|about|view-source|intent|ws|wss|ftp|mailto|chrome|resource):$/
const MAX_LENGTH = 2_048

/**
 * The address to which a client wants the browser to return (module "SSO client login"), in the form in which it will be sent. undefined for a text that is no
 * URL or could do harm; other addresses of https and http, and of schemes that apps registered for themselves, are accepted.
 */
export const parseRedirectUrl = (text: string): string | undefined => {
  const url = text.length > MAX_LENGTH ? null : URL.parse(text)
  if (url === null || REFUSED_SCHEMES.test(url.protocol)) return undefined
  // "https://bank.example@evil.example": a person who is asked whether to go on would read the wrong name.
  if (url.username !== '' || url.password !== '') return undefined
  return isWeb(url) && url.hostname === '' ? undefined : url.href
}

const isWeb = ({ protocol }: URL): boolean => protocol === 'https:' || protocol === 'http:'

/** The client that the browser would go to, in words for people: the host of a site, or the scheme of an app. */
export const clientOf = (redirectUrl: string): { readonly kind: 'site' | 'app'; readonly name: string } => {
  const url = new URL(redirectUrl)
  return isWeb(url) ? { kind: 'site', name: url.host } : { kind: 'app', name: url.protocol }
}

/** Whether a URL begins with one of `trusted` and is on the same site, not just on a host with a longer name. */
export const isTrustedClient = (redirectUrl: string, trusted: readonly string[]): boolean =>
  trusted.some((beginning) => {
    const { href } = new URL(beginning)
    if (!redirectUrl.startsWith(href)) return false
    const rest = redirectUrl.slice(href.length)
    return rest === '' || /[/:?#]$/.test(href) || /^[/?#]/.test(rest)
  })

/** "If it already includes one or more `loginToken` parameters, they should be removed"; the others stay to the letter. */
export const withLoginToken = (redirectUrl: string, loginToken: string): string => {
  const hashAt = redirectUrl.indexOf('#')
  const fragment = hashAt === -1 ? '' : redirectUrl.slice(hashAt)
  const whole = hashAt === -1 ? redirectUrl : redirectUrl.slice(0, hashAt)
  const queryAt = whole.indexOf('?')
  const base = queryAt === -1 ? whole : whole.slice(0, queryAt)
  const pairs = queryAt === -1 ? [] : whole.slice(queryAt + 1).split('&')
  const kept = pairs.filter((pair) => pair !== '' && !new URLSearchParams(pair).has('loginToken'))
  return `${base}?${[...kept, `loginToken=${loginToken}`].join('&')}${fragment}`
}
