const MAX_LENGTH = 8_192
const BASE = 'http://localhost'

/** The address below this server that a browser asked to go on to; undefined for any other one. */
export const localPath = (text: string | undefined): string | undefined => {
  // "//evil.example" and "/\evil.example" are other sites to browsers, which also drop tabs and line ends.
  if (text === undefined || text.length > MAX_LENGTH || !/^\/(?![/\\])[\x21-\x7e]*$/.test(text)) return undefined
  const url = URL.parse(text, BASE)
  return url === null || url.origin !== BASE || url.pathname.startsWith('//')
    ? undefined
    : `${url.pathname}${url.search}${url.hash}`
}
