import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { Client, Entry, SearchOptions } from 'ldapts'
import { BoundedWork, type Clock } from '#base'
import type { JsonObject } from '#spec'
import { type ProvenIdentity, ProviderFailure } from './openid.ts'

type Library = typeof import('ldapts')

interface Asked {
  readonly name: string
  readonly password: string
  readonly subject: string | undefined
}

export interface LdapOptions {
  readonly clock: Clock
  readonly server: {
    /** `ldap:` or `ldaps:`, host and port. */
    readonly url: string
    /** With `ldap:`, whether everything is encrypted first. */
    readonly startTls: boolean
    /** Certificates in PEM besides those that Node knows. */
    readonly ca: string | undefined
    readonly timeoutMs: number
  }
  /** `search`: people are searched for, by somebody or by nobody. `direct`: they bind with the DN of their name. */
  readonly way:
    | {
        readonly kind: 'search'
        readonly bind: { readonly dn: string; readonly password: string } | undefined
        readonly base: string
      }
    | { readonly kind: 'direct'; readonly dn: string }
  readonly people: {
    readonly userAttribute: string
    readonly subjectAttribute: string
    /** Entries have to fit the filter. */
    readonly filter: string | undefined
    /** Told of each, besides the subject. */
    readonly attributes: readonly string[]
  }
}

const MAX_NAME_LENGTH = 255
/** The questions that one check may need, each as long as one may take. */
const STEPS = 3
const MAX_VALUE_LENGTH = 1_000
/** Binary attributes of Active Directory. */
const BINARY = /^object(?:GUID|Sid)$/i
/** Answers that say that this name and password do not belong together: wrong, unknown, locked, expired. */
const REFUSALS: ReadonlySet<unknown> = new Set([
  ...[49, 32, 34, 48],
  // constraintViolation, unwillingToPerform: the entry is locked, or its password is too old.
  ...[19, 53],
])
const SIZE_LIMIT_EXCEEDED = 4

/** A directory that knows people's passwords. Its library is loaded with the first question. */
export class LdapDirectory {
  readonly #options: LdapOptions
  readonly #work = new BoundedWork({ concurrency: 16, maxWaiting: 500 })
  #library: Promise<Library> | undefined

  constructor(options: LdapOptions) {
    this.#options = options
  }

  /**
   * The person whom name and password belong to; undefined: they do not belong together. `subject`: the person who is meant, where that is known.
   * Throws `ProviderFailure` and `TooMuchWork`.
   */
  async authenticate(name: string, password: string, subject?: string): Promise<ProvenIdentity | undefined> {
    // RFC 4513, 5.1.2: a bind without a password succeeds and proves nothing. To some servers a password ends at U+0000.
    if (password === '' || password.includes('\0')) return undefined
    if (name === '' || name.length > MAX_NAME_LENGTH || /\p{Cc}/u.test(name)) return undefined
    return this.#work.run(async () => {
      this.#library ??= import('ldapts')
      const library = await this.#library
      const { url, timeoutMs } = this.#options.server
      const tls = await this.#tls()
      const limits = { timeout: timeoutMs, connectTimeout: timeoutMs, strictDN: false }
      // With options for TLS the library begins with it, under `ldap:` too.
      const client = new library.Client({ url, ...limits, ...(url.startsWith('ldaps:') ? { tlsOptions: tls } : {}) })
      try {
        return await this.#inTime(this.#begun(client, tls, { name, password, subject }))
      } catch (error) {
        throw error instanceof ProviderFailure ? error : new ProviderFailure('unavailable', error)
      } finally {
        client.unbind().catch(() => {})
      }
    })
  }

  async #begun(client: Client, tls: ConnectionOptions, asked: Asked): Promise<ProvenIdentity | undefined> {
    const { url, startTls } = this.#options.server
    if (startTls && url.startsWith('ldap:')) await client.startTLS(tls)
    return this.#proven(client, asked)
  }

  /** The certificates to trust, and the name that the directory's has to have. A server name that is an address is not allowed in TLS. */
  async #tls(): Promise<ConnectionOptions> {
    const { url, ca } = this.#options.server
    const host = new URL(url).hostname.replaceAll(/[[\]]/g, '')
    return {
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca: [...(await import('node:tls')).rootCertificates, ca] }),
    }
  }

  /** Gives up on a directory that is slow in many small steps. */
  async #inTime<Result>(work: Promise<Result>): Promise<Result> {
    const { clock, server } = this.#options
    let cancel = () => {}
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(STEPS * server.timeoutMs, () => reject(new Error('the directory took too long')))
    })
    try {
      return await Promise.race([work, late])
    } finally {
      cancel()
      work.catch(() => {})
    }
  }

  async #proven(client: Client, { name, password, subject }: Asked): Promise<ProvenIdentity | undefined> {
    const { way } = this.#options
    if (way.kind === 'direct') {
      const dn = way.dn.replace('{username}', escapedInDn(name))
      if (!(await opens(client, dn, password))) return undefined
      const entry = await this.#entry(client, dn, 'base', undefined)
      return entry === undefined ? undefined : this.#identityOf(entry)
    }
    if (way.bind !== undefined) await client.bind(way.bind.dn, way.bind.password)
    const { userAttribute, subjectAttribute } = this.#options.people
    const who =
      subject === undefined ? `(${userAttribute}=${escapedInFilter(name)})` : subjectFilter(subjectAttribute, subject)
    const entry = await this.#entry(client, way.base, 'sub', who)
    // For nobody too a password is checked, so that the time does not tell who is there.
    const dn = entry?.dn ?? `cn=nobody,${way.base}`
    return (await opens(client, dn, password)) && entry !== undefined ? this.#identityOf(entry) : undefined
  }

  /** The one entry that is there; undefined: none, or several. */
  async #entry(
    client: Client,
    base: string,
    scope: 'base' | 'sub',
    who: string | undefined,
  ): Promise<Entry | undefined> {
    const { attributes, subjectAttribute, filter } = this.#options.people
    const options: SearchOptions = {
      scope,
      filter: `(&${who ?? '(objectClass=*)'}${filter ?? ''})`,
      attributes: [...new Set<string>([...attributes, subjectAttribute])],
      explicitBufferAttributes: [subjectAttribute, ...attributes].filter((name) => BINARY.test(name)),
      sizeLimit: 2,
      timeLimit: Math.ceil(this.#options.server.timeoutMs / 1_000),
      derefAliases: 'never',
    }
    const [entry, ...more] = await client.search(base, options).then(
      ({ searchEntries }) => searchEntries,
      (error: unknown) => {
        if (codeOf(error) === SIZE_LIMIT_EXCEEDED) return []
        throw error
      },
    )
    return entry === undefined || more.length > 0 || entry.dn === '' ? undefined : entry
  }

  #identityOf(entry: Entry): ProvenIdentity {
    const { attributes, subjectAttribute } = this.#options.people
    const subject = firstOf(entry, subjectAttribute)
    if (subject === undefined) throw new ProviderFailure('invalid', `the entry has no ${subjectAttribute}`)
    const claims = attributes.flatMap((name) => {
      const value = firstOf(entry, name)
      return value === undefined ? [] : [[name, value] as const]
    })
    // Nobody but whoever runs the directory writes addresses there.
    return { subject, claims: { ...Object.fromEntries(claims), email_verified: true } satisfies JsonObject }
  }
}

/** Whether the password opens the entry. Throws other failures than a refusal. */
const opens = async (client: Client, dn: string, password: string): Promise<boolean> => {
  try {
    await client.bind(dn, password)
    return true
  } catch (error) {
    if (REFUSALS.has(codeOf(error))) return false
    throw error
  }
}

/** The number of RFC 4511, appendix A; errors of the connection have none. */
const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

/** The first value of an attribute, whose name is found in any case; hexadecimal where it is binary. */
const firstOf = (entry: Entry, name: string): string | undefined => {
  const key = Object.keys(entry).find((one) => one.toLowerCase() === name.toLowerCase())
  const given = key === undefined ? undefined : entry[key]
  const first = Array.isArray(given) ? given[0] : given
  const value = Buffer.isBuffer(first) ? first.toString('hex') : first
  return typeof value !== 'string' || value === '' || value.length > MAX_VALUE_LENGTH ? undefined : value
}

const subjectFilter = (attribute: string, subject: string): string =>
  `(${attribute}=${BINARY.test(attribute) ? subject.replaceAll(/../g, '\\$&') : escapedInFilter(subject)})`

/** RFC 4515, section 3: every byte that is no plain letter, digit or harmless mark is written as two hexadecimal digits. */
export const escapedInFilter = (text: string): string =>
  text.replaceAll(/[^A-Za-z0-9@._-]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join(''),
  )

/** RFC 4514, section 2.4: the same for a value in a DN. */
export const escapedInDn = escapedInFilter
