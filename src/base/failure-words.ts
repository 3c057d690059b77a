const propertyOf = (error: object, name: string): string | undefined => {
  const value: unknown = name in error ? (error as Readonly<Record<string, unknown>>)[name] : undefined
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

/** The error that began it: a library that fails because of another error names that one as its cause, and says little itself. */
const firstCause = (error: unknown): unknown => {
  let found = error
  for (let depth = 0; depth < 10 && found instanceof Error; depth++) {
    const below: unknown = found instanceof AggregateError ? found.errors[0] : found.cause
    if (!(below instanceof Error)) break
    found = below
  }
  return found
}

/** Why a connection to somebody else failed, in words for a log: never the bare `fetch failed`. One line, without what the other side sent. */
export const failureWords = (error: unknown): string => {
  const cause = firstCause(error)
  if (!(cause instanceof Error)) return String(cause)
  const code = propertyOf(cause, 'code')
  const place = [propertyOf(cause, 'address') ?? propertyOf(cause, 'hostname'), propertyOf(cause, 'port')]
  const where = place.filter((part) => part !== undefined).join(':')
  const words = wordsOf(code ?? cause.name, where)
  return words === undefined ? (cause.message.split('\n')[0] ?? '') : `${words} (${code ?? cause.name})`
}

const wordsOf = (code: string, where: string): string | undefined => {
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing listens at ${where}`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host ${where} is not known`
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'no connection in time'
    case 'AbortError':
    case 'TimeoutError':
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return 'no answer in time'
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return 'the connection was cut'
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `there is no way to ${where}`
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has expired'
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'its certificate comes from an authority that is not trusted here'
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'its certificate is for another host'
    default:
      return undefined
  }
}
