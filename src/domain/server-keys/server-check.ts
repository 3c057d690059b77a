import type { Clock } from '#base'
import { type Discovery, type FederationClient, FederationFailure, type ReachedServer, type Route } from '#net'
import type { SigningKey } from '#rules'
import type { ServerName } from '#spec'
import { parsePublishedKeys } from './published-keys.ts'

export interface ServerCheckParts {
  readonly serverName: ServerName
  readonly signingKey: SigningKey
  readonly requests: Pick<FederationClient, 'askAt' | 'json'>
  readonly discovery: Pick<Discovery, 'routesOf'>
  readonly allows: (server: ServerName) => boolean
  readonly clock: Clock
}

/** One finding of a check, as a sentence. */
export interface Finding {
  readonly ok: boolean
  readonly text: string
}

/** Signatures are made and checked by times; a server whose clock is further off has its keys taken for expired, or ours. */
const CLOCKS_APART_MS = 60_000

/** Finds out, step by step, whether another server can be reached from here, and whether it can reach this one. */
export class ServerCheck {
  readonly #parts: ServerCheckParts

  constructor(parts: ServerCheckParts) {
    this.#parts = parts
  }

  async run(server: ServerName): Promise<readonly Finding[]> {
    if (server === this.#parts.serverName) return this.#ownPlace()
    const findings: Finding[] = []
    if (!this.#parts.allows(server)) {
      findings.push(bad(`the settings do not let this server talk with ${server}: federation.enabled, allow, deny`))
      return findings
    }
    const routes = await this.#routes(server, findings)
    const reached = await this.#reached(server, routes, findings)
    if (reached === undefined) return findings
    this.#judgeKeys(server, reached, findings)
    this.#judgeClock(reached, findings)
    findings.push(await this.#asksBack(server))
    return findings
  }

  /** Whether others find this server where its name leads: as far as that can be seen from here. */
  async #ownPlace(): Promise<readonly Finding[]> {
    const { serverName, signingKey } = this.#parts
    const findings: Finding[] = []
    const routes = await this.#routes(serverName, findings)
    const reached = await this.#reached(serverName, routes, findings)
    if (reached === undefined) return findings
    const keys = parsePublishedKeys(reached.keys, serverName, this.#parts.clock.nowMs())
    const isOurs = keys?.keys.some(({ publicKey, expired }) => publicKey === signingKey.publicKey && !expired) === true
    findings.push(
      isOurs
        ? good(`the server there has the key ${signingKey.keyId}: it is this one`)
        : bad(`the server there does not have the key ${signingKey.keyId}: it is another one, or runs on other data`),
    )
    return findings
  }

  async #routes(server: ServerName, findings: Finding[]): Promise<readonly Route[]> {
    try {
      return await this.#parts.discovery.routesOf(server, (step) => findings.push(good(step)))
    } catch (error) {
      findings.push(bad(error instanceof Error ? error.message : String(error)))
      return []
    }
  }

  /** Tries all places, so that one which does not work is seen though another does. */
  async #reached(
    server: ServerName,
    routes: readonly Route[],
    findings: Finding[],
  ): Promise<ReachedServer | undefined> {
    let reached: ReachedServer | undefined
    for (const route of routes) {
      const place = `${route.host} port ${route.port}`
      try {
        const found = await this.#parts.requests.askAt(route, server)
        reached ??= found
        findings.push(good(`${place} answers, with a certificate for ${route.certificateName}`))
      } catch (error) {
        const reason = error instanceof FederationFailure ? error.parts.reason : String(error)
        findings.push(bad(`${place} cannot be reached: ${reason}`))
      }
    }
    return reached
  }

  #judgeKeys(server: ServerName, reached: ReachedServer, findings: Finding[]): void {
    const { clock } = this.#parts
    const keys = parsePublishedKeys(reached.keys, server, clock.nowMs())
    if (keys === undefined) {
      findings.push(bad('its answer about its keys is not signed by one of them, or is none'))
      return
    }
    const names = keys.keys.filter(({ expired }) => !expired).map(({ keyId }) => keyId)
    const hours = Math.round((keys.validUntilMs - clock.nowMs()) / 3_600_000)
    if (names.length === 0 || hours < 0) findings.push(bad('it vouches for none of its keys any more'))
    else findings.push(good(`it signs with ${names.join(', ')}, good for another ${hours} hours at least`))
  }

  #judgeClock({ dateMs }: ReachedServer, findings: Finding[]): void {
    if (dateMs === undefined) return
    const apartMs = Math.abs(dateMs - this.#parts.clock.nowMs())
    const text = `its clock and ours are ${Math.round(apartMs / 1_000)} s apart`
    findings.push(apartMs > CLOCKS_APART_MS ? bad(text) : good(text))
  }

  /** A request that it must check the signature of: for that it has to find this server and fetch its key. */
  async #asksBack(server: ServerName): Promise<Finding> {
    const { serverName } = this.#parts
    try {
      await this.#parts.requests.json(server, {
        method: 'GET',
        path: '/_matrix/federation/v1/query/profile',
        query: { user_id: `@nobody:${server}` },
      })
    } catch (error) {
      const { status, errcode, reason } = error instanceof FederationFailure ? error.parts : { reason: String(error) }
      if (status === 401) {
        const why = 'it could not get the key of this server, which it must reach for that'
        return bad(`it does not take our signature (${errcode ?? status}): ${why}. Try: check-federation ${serverName}`)
      }
      if (status === 403 && errcode === 'M_FORBIDDEN') return good('it heard us, and tells us nothing of its people')
      if (status !== 404) return bad(`a signed request failed: ${reason}`)
    }
    return good('it takes our signature, so it has reached this server, or knows its key from before')
  }
}

const good = (text: string): Finding => ({ ok: true, text })
const bad = (text: string): Finding => ({ ok: false, text })
