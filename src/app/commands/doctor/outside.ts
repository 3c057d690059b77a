import type { Config } from '#config'
import { type Reached, reach } from '#net'
import { isJsonObject, type JsonObject } from '#spec'
import { reasonOf } from '../../host/start-error.ts'
import { type DoctorFinding, Findings } from './finding.ts'
import { judgeCertificate } from './settings.ts'

const TIMEOUT_MS = 10_000

/** The way that clients take from the server's name to the server, as far as it can be gone from this machine. */
export const examineOutside = async ({ server }: Config): Promise<readonly DoctorFinding[]> => {
  const findings = new Findings('addresses')
  const { name, publicBaseUrl } = server
  if (publicBaseUrl === undefined) {
    if (isLocal(name)) findings.good('a server named localhost is for this machine alone')
    else
      findings.note(
        'server.publicBaseUrl is not set: mails, sign-in and clients that enter the server name do not find the way',
        `Set it to the address that clients reach, such as https://matrix.${name}.`,
      )
    return findings.all
  }
  const base = publicBaseUrl.replace(/\/$/, '')
  await examineBaseUrl(base, name, findings)
  if (!isLocal(name)) await examineWellKnown(name, base, findings)
  return findings.all
}

export const isLocal = (name: string): boolean => /^localhost(?::\d+)?$/.test(name)

const ask = async (url: string, findings: Findings): Promise<Reached | undefined> => {
  try {
    return await reach(url, AbortSignal.timeout(TIMEOUT_MS))
  } catch (error) {
    findings.bad(`${url} cannot be reached from here: ${reasonOf(error)}`, adviceFor(error))
    return undefined
  }
}

const adviceFor = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'Add an A or AAAA record for that name, and wait until it is known.'
  if (code === 'ECONNREFUSED') return 'Start the reverse proxy, or let it listen at that address.'
  if (/CERT|TLS|SSL|ALTNAME/.test(code)) return 'Get a certificate for that name from an authority that clients know.'
  return 'See that the reverse proxy runs, and that no firewall stands between.'
}

/** Whether the proxy hands on requests, and paths as they are. */
const examineBaseUrl = async (base: string, name: string, findings: Findings): Promise<void> => {
  const answer = await ask(`${base}/_matrix/client/versions`, findings)
  if (answer === undefined) return
  if (answer.status !== 200 || !Array.isArray(jsonOf(answer)?.versions)) {
    findings.bad(
      `${base}/_matrix/client/versions answers ${answer.status}, and not as a homeserver does`,
      'Let the reverse proxy hand /_matrix on to this server; docs/running.md has examples.',
    )
    return
  }
  findings.good(`${base} answers as a homeserver does`)
  if (answer.certificateEndsMs !== undefined)
    judgeCertificate(`the certificate of ${base}`, answer.certificateEndsMs, findings)
  // A directory has a slash in no alias that is there; a proxy that decodes the path asks for another one.
  const encoded = await ask(`${base}/_matrix/client/v3/directory/room/${encodeURIComponent(`#a/b:${name}`)}`, findings)
  if (encoded === undefined) return
  if (jsonOf(encoded)?.errcode === 'M_UNRECOGNIZED' || jsonOf(encoded) === undefined)
    findings.bad(
      `the proxy in front of ${base} changes paths on the way: %2F arrives as a slash`,
      'Let it hand on paths as they are: with nginx, no URI behind the address in proxy_pass.',
    )
  else findings.good('the proxy hands on paths as they are')
}

/** Clients in which somebody enters the server's name look there. */
const examineWellKnown = async (name: string, base: string, findings: Findings): Promise<void> => {
  const host = name.replace(/:\d+$/, '')
  const url = `https://${host}/.well-known/matrix/client`
  const answer = await ask(url, findings)
  if (answer === undefined) return
  const advice = `Let the web server of ${host} hand /.well-known/matrix/ on to this server.`
  const told = jsonOf(answer)?.['m.homeserver']
  const leadsTo = isJsonObject(told) ? told.base_url : undefined
  if (answer.status !== 200 || typeof leadsTo !== 'string') {
    findings.bad(
      `${url} answers ${answer.status}, without "m.homeserver": clients do not find the way from ${name}`,
      advice,
    )
  } else if (leadsTo.replace(/\/$/, '') !== base) {
    findings.bad(`${url} leads to ${leadsTo}, and server.publicBaseUrl is ${base}`, 'Make both the same.')
  } else if (answer.headers['access-control-allow-origin'] !== '*') {
    findings.bad(`${url} has no header "Access-Control-Allow-Origin: *": clients in browsers may not read it`, advice)
  } else findings.good(`${url} leads to ${base}`)
}

const jsonOf = ({ text }: Reached): JsonObject | undefined => {
  try {
    const parsed: unknown = JSON.parse(text)
    return isJsonObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}
