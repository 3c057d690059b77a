/** The value of a cookie in a `Cookie` header (RFC 6265): of several with one name, the first. Nothing is decoded. */
export const cookieIn = (header: string | undefined, name: string): string | undefined => {
  for (const pair of header?.split(';') ?? []) {
    const [key = '', ...rest] = pair.split('=')
    if (key.trim() === name && rest.length > 0) return rest.join('=').trim()
  }
  return undefined
}
