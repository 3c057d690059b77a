import { isIP } from 'node:net'
import { parseRoomId, parseServerName, ROOM_VERSIONS, type RoomId, type ServerName } from '#spec'

/** A kind of setting, read from a YAML value or from the text of a flag or an environment variable. */
export interface Kind<Value> {
  /** Completes "expected …". */
  readonly expects: string
  /** Returns undefined for a value that is not of the kind. `fromText`: numbers, booleans and lists come as text. */
  parse(raw: unknown, fromText: boolean): Value | undefined
}

export const text = (expects: string, accept: (value: string) => boolean = () => true): Kind<string> => ({
  expects,
  parse: (raw) => (typeof raw === 'string' && raw !== '' && accept(raw) ? raw : undefined),
})

export const nonEmptyText = text('a text that is not empty')
export const path = text('a path')
export const host = text('a host name or address', (value) => /^[0-9A-Za-z.:_-]+$/.test(value))

export const ed25519Key = text('32 bytes in Base64 without padding', (value) => /^[A-Za-z0-9+/_-]{43}$/.test(value))

const isNetwork = (value: string): boolean => {
  const [address = '', prefix = '0', ...rest] = value.split('/')
  const family = isIP(address)
  return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)
}
export const network = text('an address or a network such as 10.0.0.0/8', isNetwork)

const isHttpUrl = (value: string): boolean => {
  const url = URL.parse(value)
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.search === '' && url.hash === ''
}
/** Kept without a trailing slash. */
export const baseUrl: Kind<string> = {
  expects: 'a URL that begins with https:// or http://, without query',
  parse: (raw) => (typeof raw === 'string' && isHttpUrl(raw) ? raw.replace(/\/+$/, '') : undefined),
}

/** Kept as an origin, `https://id.example.org:8090`; with a star for its port, at any. */
export const identityServer: Kind<string> = {
  expects:
    'a server name such as id.example.org:8090 (id.example.org:* at any port), or a URL that begins with https:// or http://, without path',
  parse: (raw) => {
    if (typeof raw !== 'string') return undefined
    const [, anyPort] = /^(.+):\*$/.exec(raw) ?? []
    if (anyPort !== undefined) {
      const host = parseServerName(anyPort) === undefined ? undefined : URL.parse(`https://${anyPort}`)
      return host?.port === '' ? `${host.origin}:*` : undefined
    }
    if (parseServerName(raw) !== undefined) return URL.parse(`https://${raw}`)?.origin
    const url = isHttpUrl(raw) ? URL.parse(raw) : null
    return url?.pathname === '/' && url.username === '' && url.password === '' ? url.origin : undefined
  },
}

const isDnsServer = (value: string): boolean => {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+))(?::\d{1,5})?$/i.exec(value) ?? []
  return isIP(bracketed ?? plain ?? value) !== 0
}
export const dnsServer = text('the address of a DNS server, maybe with a port', isDnsServer)
export const bucketName = text('the name of a bucket', (value) => /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(value))
export const objectPrefix = text('up to 200 letters, digits and / . _ -, no slash in front', (value) =>
  /^[A-Za-z0-9._-][A-Za-z0-9/._-]{0,199}$/.test(value),
)
export const urlPattern = text('a pattern of URLs or of hosts, without spaces', (value) => /^[!-~]{1,500}$/.test(value))
export const languages = text('languages such as "de, en;q=0.5"', (value) => /^[A-Za-z0-9*,;=. -]{1,200}$/.test(value))

export const turnUri = text('a URI that begins with turn: or turns:', (value) => /^turns?:\S+$/.test(value))

export const integer = (least: number, most: number, unit: string): Kind<number> => ({
  expects: `${unit}, a whole number from ${least} to ${most}`,
  parse: (raw, fromText) => {
    const value = fromText && typeof raw === 'string' && /^\d{1,15}$/.test(raw) ? Number(raw) : raw
    return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? value : undefined
  },
})

export const port = integer(0, 65_535, 'a port')

export const yesOrNo: Kind<boolean> = {
  expects: 'true or false',
  parse: (raw, fromText) => {
    if (typeof raw === 'boolean') return raw
    if (!fromText) return undefined
    if (raw === 'true' || raw === '1') return true
    return raw === 'false' || raw === '0' ? false : undefined
  },
}

export const oneOf = <const Choice extends string>(...choices: readonly Choice[]): Kind<Choice> => ({
  expects: `one of ${choices.join(', ')}`,
  parse: (raw) => choices.find((choice) => choice === raw),
})

export const serverName: Kind<ServerName> = {
  expects: 'a server name such as example.org or example.org:8448',
  parse: (raw) => (typeof raw === 'string' ? parseServerName(raw) : undefined),
}

export const roomId: Kind<RoomId> = {
  expects: 'a room id such as !id:example.org',
  parse: (raw) => (typeof raw === 'string' ? parseRoomId(raw) : undefined),
}

export const colour = text('a colour such as #0b7a4b', (value) => /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(value))

export const roomVersion: Kind<string> = {
  expects: `a room version, one of ${[...ROOM_VERSIONS.keys()].join(', ')}`,
  parse: (raw, fromText) => {
    const value = !fromText && typeof raw === 'number' ? String(raw) : raw
    return typeof value === 'string' && ROOM_VERSIONS.has(value) ? value : undefined
  },
}

/** Kept in milliseconds. */
export const duration: Kind<number> = {
  expects: 'a time such as 500ms, 30s, 10m, 12h or 7d',
  parse: (raw) => {
    if (typeof raw !== 'string') return undefined
    const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(raw)
    if (match === null) return undefined
    const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] ?? 's'] ?? 1_000
    return Number(match[1]) * unitMs
  },
}

/** A duration, or `never`, which is undefined. Wrapped, since undefined already says "not one". */
export const durationOrNever: Kind<{ readonly ms: number | undefined }> = {
  expects: `${duration.expects}, or never`,
  parse: (raw, fromText) => {
    if (raw === 'never') return { ms: undefined }
    const ms = duration.parse(raw, fromText)
    return ms === undefined || ms === 0 ? undefined : { ms }
  },
}

const UNITS = { KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 } as const
/** Kept in bytes. */
export const size: Kind<number> = {
  expects: 'a size such as 64KiB, 10MiB or 1GiB',
  parse: (raw) => {
    const match = typeof raw === 'string' ? /^(\d{1,6})(KiB|MiB|GiB)$/.exec(raw) : null
    if (match === null) return undefined
    const bytes = Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]
    return bytes > 0 ? bytes : undefined
  },
}

export interface RateBudget {
  readonly requests: number
  readonly perSeconds: number
}
export const rate: Kind<RateBudget> = {
  expects: 'a rate such as 20/10s: requests, then in how many seconds',
  parse: (raw) => {
    const match = typeof raw === 'string' ? /^([1-9]\d{0,8})\/([1-9]\d{0,5})s$/.exec(raw) : null
    return match === null ? undefined : { requests: Number(match[1]), perSeconds: Number(match[2]) }
  },
}

const itemsOf = (text: string): readonly string[] =>
  text.trim() === '' ? [] : text.split(',').map((item) => item.trim())

/** In a flag or a variable the items are separated by commas; an empty text is no item. */
export const list = <Value>(of: Kind<Value>): Kind<readonly Value[]> => ({
  expects: `a list, each ${of.expects}`,
  parse: (raw, fromText) => {
    const items: unknown = fromText && typeof raw === 'string' ? itemsOf(raw) : raw
    if (!Array.isArray(items)) return undefined
    const values = items.map((item) => of.parse(item, fromText))
    return values.every((value) => value !== undefined) ? values : undefined
  },
})

export const serverPattern = text('a server name, which may have stars and question marks', (value) =>
  /^[0-9A-Za-z.:*?[\]-]{1,255}$/.test(value),
)

/** A key that the server signed with before. */
export const oldSigningKey: Kind<{ readonly keyId: string; readonly publicKey: string; readonly expiredMs: number }> = {
  expects: '"ed25519:NAME PUBLICKEY TIME": the public key in unpadded Base64, the time in milliseconds of Unix',
  parse: (raw) => {
    const [, keyId, publicKey, time] =
      /^(ed25519:[A-Za-z0-9_]{1,128}) ([A-Za-z0-9+/]{43}) (\d{1,15})$/.exec(
        typeof raw === 'string' ? raw.trim() : '',
      ) ?? []
    if (keyId === undefined || publicKey === undefined) return undefined
    return { keyId, publicKey, expiredMs: Number(time) }
  },
}

/** Host and port, by the name of a server in small letters. */
export const serverAddresses: Kind<ReadonlyMap<string, string>> = {
  expects: 'a mapping of server names to host:port; in a variable, name=host:port, with commas between',
  parse: (raw, fromText) => {
    const pairs = fromText ? itemsOf(String(raw)).map((item) => item.split('=')) : entriesOf(raw)
    if (pairs?.every(isServerAddress) !== true) return undefined
    return new Map(pairs.map(([name, place]) => [name.toLowerCase(), place]))
  },
}

const isServerAddress = (pair: readonly unknown[]): pair is readonly [string, string] =>
  pair.length === 2 && pair.every((one) => typeof one === 'string' && parseServerName(one) !== undefined)

/** An empty list stands for an empty mapping, as defaults are written. */
const entriesOf = (raw: unknown): readonly (readonly unknown[])[] | undefined => {
  if (Array.isArray(raw)) return raw.length === 0 ? [] : undefined
  return typeof raw === 'object' && raw !== null ? Object.entries(raw) : undefined
}

/** `sqlite:PATH` or `postgres://…`. */
export const databaseUrl = text('sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE', (value) =>
  value.startsWith('sqlite:')
    ? value.length > 'sqlite:'.length
    : /^postgres(?:ql)?:\/\//.test(value) && URL.canParse(value),
)
