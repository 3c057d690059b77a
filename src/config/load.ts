import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { closest, suggestion } from './closest.ts'
import type { Config, Database } from './config.ts'
import { isRecordList } from './records.ts'
import { PLACES, type Place, type Settings } from './schema.ts'
import { refuseCasWithoutNeeds } from './sections/cas.ts'
import { refuseLdapWithoutNeeds } from './sections/ldap.ts'
import { refuseS3WithoutNeeds } from './sections/media.ts'
import { oauthOf, refuseOauthWithoutNeeds } from './sections/oauth.ts'
import { refuseSamlWithoutNeeds } from './sections/saml.ts'
import { refuseSignInWithoutNeeds } from './sections/sign-in-providers.ts'

/** One problem of the configuration, with its place. */
export interface ConfigProblem {
  readonly path: string
  readonly message: string
}

/** Thrown with all problems of the configuration at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'))
    this.problems = problems
  }
}

export interface ConfigSources {
  /** The values of flags by name without dashes; a switch is `true`. */
  readonly flags?: Readonly<Record<string, string | true | undefined>>
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** A YAML text and what to call it in messages. */
  readonly file?: { readonly name: string; readonly text: string }
}

interface Given {
  readonly raw: unknown
  readonly fromText: boolean
  readonly source: string
}

/** The variables with the prefix that are no settings: the file to read, the mark of `bin/homeroom.js`, and those of the tests. */
const OTHER_VARIABLES = /^HOMEROOM_(?:CONFIG|REEXECUTED|TEST_.*)$/

/** Flags, then environment, then file, then defaults. Throws `ConfigError` with all problems. */
export const loadConfig = (sources: ConfigSources): Config => {
  const problems: ConfigProblem[] = []
  const file = readFile(sources.file, problems)
  refuseUnknown(sources, file, problems)

  const settings: Record<string, Record<string, unknown>> = {}
  const given = new Set<string>()
  for (const place of PLACES) {
    const found = find(place, sources, file)
    settings[place.section] ??= {}
    const section = settings[place.section] ?? {}
    if (found === undefined) section[place.key] = fallbackOf(place)
    else {
      given.add(place.path)
      const value = place.setting.kind.parse(found.raw, found.fromText)
      if (value === undefined) problems.push(...misfits(place, found))
      else section[place.key] = value
    }
  }
  refusePartOfTls(given, problems)
  refuseTurnWithoutCredentials(given, problems)
  refuseCaptchaWithoutKeys(settings, given, problems)
  refuseMailWithoutNeeds(settings, given, problems)
  refuseSignInWithoutNeeds(settings, problems)
  refuseCasWithoutNeeds(settings, problems)
  refuseLdapWithoutNeeds(settings, problems)
  refuseSamlWithoutNeeds(settings, problems)
  refuseS3WithoutNeeds(given, problems)
  refuseOauthWithoutNeeds(settings, problems)
  // The types are right: every value was read by its own kind just above. With problems the result is not used.
  if (problems.length > 0) throw new ConfigError(problems)
  return resolveConfig(settings as unknown as Settings)
}

const fallbackOf = ({ setting, path }: Place): unknown => {
  if (setting.fallback === undefined) return undefined
  const value = setting.kind.parse(setting.fallback, false)
  if (value === undefined) throw new Error(`the default of ${path} does not fit its kind`)
  return value
}

const find = ({ section, key, environment, setting }: Place, sources: ConfigSources, file: Yaml): Given | undefined => {
  const flag = setting.flag === undefined ? undefined : sources.flags?.[setting.flag]
  if (flag !== undefined) {
    const raw = flag === true ? setting.flagMeans : flag
    return { raw, fromText: true, source: `--${setting.flag}` }
  }
  const variable = sources.environment?.[environment]
  if (variable !== undefined) {
    // HOMEROOM_NO_RATE_LIMIT=true means what the flag means.
    const negated = setting.flagMeans === false && (variable === 'true' || variable === '1')
    const raw = negated ? false : setting.flagMeans === false && /^(?:false|0)$/.test(variable) ? true : variable
    return { raw, fromText: true, source: environment }
  }
  const value = file[section]?.[key]
  return value === undefined || value === null
    ? undefined
    : { raw: value, fromText: false, source: sources.file?.name ?? 'file' }
}

const misfits = ({ path, setting }: Place, { raw, fromText, source }: Given): readonly ConfigProblem[] => {
  const { kind } = setting
  if (isRecordList(kind)) {
    return kind.problems(raw, fromText).map(({ at, message }) => ({ path: `${path}${at}`, message }))
  }
  const shown = setting.secret === true ? 'another value' : show(raw)
  return [{ path, message: `expected ${kind.expects}; ${source} says ${shown}` }]
}

const show = (raw: unknown): string => {
  const text = JSON.stringify(raw) ?? String(raw)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

type Yaml = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const require = createRequire(import.meta.url)

const readFile = (file: ConfigSources['file'], problems: ConfigProblem[]): Yaml => {
  if (file === undefined) return {}
  // Loaded only where there is a file: it takes 2 MB.
  const { parseDocument } = require('yaml') as typeof import('yaml')
  const document = parseDocument(file.text, { uniqueKeys: true, prettyErrors: true, logLevel: 'silent' })
  for (const error of document.errors) {
    problems.push({ path: file.name, message: `expected YAML: ${error.message.split('\n')[0]}` })
  }
  if (document.errors.length > 0) return {}
  const root: unknown = document.toJS({ maxAliasCount: 100 })
  if (root === null || root === undefined) return {}
  if (typeof root !== 'object' || Array.isArray(root)) {
    problems.push({ path: file.name, message: 'expected a mapping of sections' })
    return {}
  }
  return sectionsOf(root, problems)
}

const sectionsOf = (root: object, problems: ConfigProblem[]): Yaml => {
  const known = new Set(PLACES.map(({ section }) => section))
  const sections: Record<string, Record<string, unknown>> = {}
  for (const [name, value] of Object.entries(root)) {
    if (!known.has(name)) problems.push({ path: name, message: unknownName(name, known, 'sections') })
    else if (value === null) sections[name] = {}
    else if (typeof value !== 'object' || Array.isArray(value)) {
      problems.push({ path: name, message: 'expected a mapping of settings' })
    } else sections[name] = value as Record<string, unknown>
  }
  return sections
}

const refuseUnknown = (sources: ConfigSources, file: Yaml, problems: ConfigProblem[]): void => {
  const paths = new Set(PLACES.map(({ path }) => path))
  for (const [section, values] of Object.entries(file)) {
    const keys = PLACES.filter((place) => place.section === section).map(({ key }) => key)
    for (const key of Object.keys(values)) {
      if (paths.has(`${section}.${key}`)) continue
      const elsewhere = closest(key, keys) === undefined ? PLACES.find((place) => place.key === key)?.path : undefined
      const message = unknownName(key, keys, 'settings')
      problems.push({
        path: `${section}.${key}`,
        message: elsewhere === undefined ? message : `${message}; did you mean ${elsewhere}?`,
      })
    }
  }
  const variables = new Set(PLACES.map(({ environment }) => environment))
  for (const name of Object.keys(sources.environment ?? {})) {
    if (!name.startsWith('HOMEROOM_') || variables.has(name) || OTHER_VARIABLES.test(name)) continue
    const end = suggestion(name, variables, 'there is none of that name')
    problems.push({ path: name, message: `expected a variable of the reference page; ${end}` })
  }
}

/** The names there are, and the one that was probably meant. */
const unknownName = (name: string, known: Iterable<string>, kind: string): string => {
  const meant = closest(name, known)
  const listed = `expected one of the ${kind} ${[...known].join(', ')}`
  return meant === undefined ? listed : `${listed}; did you mean ${meant}?`
}

/** Whether the file holds a secret, which other users of the machine should not read. */
export const holdsSecrets = (file: NonNullable<ConfigSources['file']>): boolean => {
  const found = readFile(file, [])
  return PLACES.some(({ section, key, setting: { secret, kind } }) => {
    const value = found[section]?.[key]
    if (value === undefined || value === null) return false
    if (secret === true) return true
    const fields = isRecordList(kind) ? Object.entries(kind.fields).filter(([, field]) => field.secret === true) : []
    return fields.some(([name]) => JSON.stringify(value).includes(JSON.stringify(name)))
  })
}

const TLS = ['tlsPort', 'tlsCert', 'tlsKey']

const refusePartOfTls = (given: ReadonlySet<string>, problems: ConfigProblem[]): void => {
  const hasOwn = ['federationCert', 'federationKey'].map((key) => given.has(`listen.${key}`))
  if (hasOwn[0] !== hasOwn[1]) {
    const path = `listen.${hasOwn[0] === true ? 'federationKey' : 'federationCert'}`
    problems.push({ path, message: 'expected, since federationCert and federationKey go together' })
  }
  if (given.has('listen.federationPort') && !hasOwn.includes(true) && !given.has('listen.tlsCert'))
    problems.push({
      path: 'listen.federationCert',
      message: 'expected, since federationPort is set and tlsCert is not',
    })
  const missing = TLS.filter((key) => !given.has(`listen.${key}`))
  if (missing.length === TLS.length) return
  for (const key of missing) {
    problems.push({ path: `listen.${key}`, message: 'expected, since tlsPort, tlsCert and tlsKey go together' })
  }
}

const refuseCaptchaWithoutKeys = (
  { registration }: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  given: ReadonlySet<string>,
  problems: ConfigProblem[],
): void => {
  if (registration?.captcha !== true) return
  for (const path of ['captcha.publicKey', 'captcha.privateKey']) {
    if (!given.has(path)) problems.push({ path, message: 'expected, since registration.captcha is true' })
  }
}

const refuseMailWithoutNeeds = (
  { registration, rendezvous }: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  given: ReadonlySet<string>,
  problems: ConfigProblem[],
): void => {
  const need = (since: string, ...paths: readonly string[]): void => {
    for (const path of paths) if (!given.has(path)) problems.push({ path, message: `expected, since ${since}` })
  }
  if (rendezvous?.enabled === true) need('rendezvous.enabled is true', 'server.publicBaseUrl')
  if (given.has('mail.smtpHost')) need('mail.smtpHost is set', 'mail.from', 'server.publicBaseUrl')
  if (given.has('accountValidity.renewalPeriod')) need('accountValidity.renewalPeriod is set', 'mail.smtpHost')
  if (given.has('abuse.hookUrl') || given.has('abuse.hookSecret'))
    need('abuse.hookUrl and abuse.hookSecret go together', 'abuse.hookUrl', 'abuse.hookSecret')
  if (given.has('mail.user') || given.has('mail.password')) {
    need('mail.user and mail.password go together', 'mail.user', 'mail.password')
  }
  if (registration?.email !== 'off' && !given.has('identityServers.trusted')) {
    need('registration.email is not off', 'mail.smtpHost')
  }
}

const TURN = 'voip.turnUris'

/** Clients get no server without credentials for it: "username" and "password" are required. */
const refuseTurnWithoutCredentials = (given: ReadonlySet<string>, problems: ConfigProblem[]): void => {
  if (!given.has(TURN) || given.has('voip.turnSharedSecret')) return
  if (given.has('voip.turnUsername') && given.has('voip.turnPassword')) return
  problems.push({ path: TURN, message: 'expected with turnSharedSecret, or with turnUsername and turnPassword' })
}

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/

/** Resolves the settings that depend on others. */
const resolveConfig = (settings: Settings): Config => {
  const { listen, registration, server, storage, ...rest } = settings
  const { tlsPort, tlsCert, tlsKey, federationPort, federationHost, federationCert, federationKey, ...listenRest } =
    listen
  const tls =
    tlsPort === undefined || tlsCert === undefined || tlsKey === undefined
      ? undefined
      : { port: tlsPort, certFile: resolve(tlsCert), keyFile: resolve(tlsKey) }
  const [cert, key] = [federationCert ?? tlsCert, federationKey ?? tlsKey]
  const federation =
    federationPort === undefined || cert === undefined || key === undefined
      ? undefined
      : { host: federationHost ?? listen.host, port: federationPort, certFile: resolve(cert), keyFile: resolve(key) }
  const local = server.name === 'localhost' && LOOPBACK.test(listen.host)
  const dataFolder = resolve(storage.data)
  return {
    ...rest,
    server,
    oauth: oauthOf(rest.oauth, server.publicBaseUrl),
    listen: { ...listenRest, tls, federation },
    storage: {
      dataFolder,
      database: databaseOf(storage.database, dataFolder),
      durability: storage.durability,
      severalProcesses: storage.severalProcesses,
    },
    registration: { ...registration, mode: registration.mode ?? (local ? 'open' : 'closed') },
  }
}

const databaseOf = (url: string | undefined, dataFolder: string): Database => {
  if (url === undefined) return { kind: 'sqlite', path: join(dataFolder, 'homeroom.sqlite') }
  if (url.startsWith('sqlite:')) return { kind: 'sqlite', path: resolve(url.slice('sqlite:'.length)) }
  return { kind: 'postgres', url }
}
