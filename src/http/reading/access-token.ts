import type { IncomingHttpHeaders } from 'node:http'

const BEARER = /^Bearer +(\S+) *$/i

/**
 * The access token of a request: from `Authorization: Bearer`, else from the query parameter that old clients use
 * (client-server API, "Using access tokens"; deprecated there, so the header wins).
 */
export const accessTokenOf = (headers: IncomingHttpHeaders, query: Record<string, unknown>): string | undefined => {
  const { authorization } = headers
  if (authorization !== undefined) {
    const token = authorization.startsWith('Bearer ') ? authorization.slice(7) : BEARER.exec(authorization)?.[1]
    if (token !== undefined && token !== '') return token.trim()
  }
  const { access_token: parameter } = query
  return typeof parameter === 'string' && parameter !== '' ? parameter : undefined
}
