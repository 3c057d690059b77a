/**
 * Patterns of URLs, as operators write them: `*` stands for any characters, everything else for itself, in small and capital
 * letters alike. `*://*.example.org/*` are all pages of all hosts below that domain; a pattern without `://` is one of hosts.
 */
export const matchesAny = (patterns: readonly string[], url: URL): boolean =>
  patterns.some((pattern) => matches(pattern.toLowerCase(), subjectOf(pattern, url).toLowerCase()))

const subjectOf = (pattern: string, url: URL): string => (pattern.includes('://') ? url.href : url.hostname)

/** Linear in time for any pattern: each piece between stars is searched once, at its earliest place. */
const matches = (pattern: string, text: string): boolean => {
  const pieces = pattern.split('*')
  const [first = '', ...rest] = pieces
  const last = rest.pop()
  if (last === undefined) return pattern === text
  if (!text.startsWith(first)) return false
  let from = first.length
  for (const piece of rest) {
    const found = text.indexOf(piece, from)
    if (found === -1) return false
    from = found + piece.length
  }
  return text.length - last.length >= from && text.endsWith(last)
}
