import { isIPv4, isIPv6 } from 'node:net'

/** The place where somebody is signed in, in coarse terms: enough to know one's own browsers again, and not where one lives. */
export interface BrowserPlace {
  /** `Firefox on Linux`; undefined: the browser did not say. */
  readonly program: string | undefined
  /** The network of the address: `203.0.113.*`, `2001:db8:7::*`. undefined: it has none of that form. */
  readonly network: string | undefined
}

/** A request of a browser, as far as it says where that is. */
export interface SeenAt {
  readonly ip: string
  readonly userAgent: string | undefined
}

/** The first that fits: most browsers name others too. */
const PROGRAMS: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|Chromium|CriOS|HeadlessChrome)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
]
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:iPhone|iPod)\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
]
/** The part of a long user agent that is looked at. */
const MAX_AGENT_LENGTH = 512

const firstIn = (text: string, names: readonly (readonly [RegExp, string])[]): string | undefined =>
  names.find(([pattern]) => pattern.test(text))?.[1]

const programOf = (userAgent: string): string | undefined => {
  const text = userAgent.slice(0, MAX_AGENT_LENGTH)
  const [program, system] = [firstIn(text, PROGRAMS), firstIn(text, SYSTEMS)]
  if (program === undefined) return system === undefined ? undefined : `a browser on ${system}`
  return system === undefined ? program : `${program} on ${system}`
}

const networkOf = (ip: string): string | undefined => {
  const plain = ip.replace(/^::ffff:(?=\d+\.)/i, '')
  if (isIPv4(plain)) return `${plain.split('.').slice(0, 3).join('.')}.*`
  if (!isIPv6(ip)) return undefined
  const [head = ''] = ip.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  return `${[...groups, '0', '0', '0'].slice(0, 3).join(':')}::*`
}

export const placeOf = ({ ip, userAgent = '' }: SeenAt): BrowserPlace => ({
  program: programOf(userAgent),
  network: networkOf(ip),
})
