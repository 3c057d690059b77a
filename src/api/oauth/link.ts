import { Type } from 'typebox'
import { type DeviceGrants, OAUTH_PATHS, type OAuthClients } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import { accountRefusedPage, decidedPage, deviceCodePage, WRONG_CODE } from '#pages'
import type { UserId } from '#spec'
import type { BrowserGate } from '../account/index.ts'
import { type ConsentDeps, consentFor } from './consent.ts'

export interface LinkDeps extends ConsentDeps {
  readonly clients: OAuthClients
  readonly deviceGrants: DeviceGrants
  readonly gate: BrowserGate
  /** Counts a code that somebody tried. Throws `M_LIMIT_EXCEEDED`. */
  countTry(userId: UserId): Promise<void>
}

const PAGE = { auth: none(), rateLimit: 'login', errorPage: accountRefusedPage } as const

const nextOf = (code: string): string =>
  code === '' ? OAUTH_PATHS.link : `${OAUTH_PATHS.link}?user_code=${encodeURIComponent(code)}`

/** The page at which a person lets in a device that shows a code: RFC 8628, section 3.3. */
export const linkEndpoints = (deps: LinkDeps): readonly AnyEndpoint[] => {
  const { clients, deviceGrants, gate, countTry } = deps
  const wrong = (userId: string, code: string) =>
    deviceCodePage({ action: OAUTH_PATHS.link, userId, code, refusal: WRONG_CODE })
  return [
    endpoint({
      method: 'GET',
      paths: [OAUTH_PATHS.link],
      ...PAGE,
      query: Type.Object({ user_code: Type.Optional(Type.String({ maxLength: 64 })) }),
      handler: async (request) => {
        const { user_code: code = '' } = request.query
        const next = nextOf(code)
        const session = await gate.of(request)
        if (session === undefined) return gate.toSignIn(next)
        const { userId } = session
        if (code === '') return deviceCodePage({ action: OAUTH_PATHS.link, userId, code, refusal: undefined })
        await countTry(userId)
        const grant = await deviceGrants.waiting(code)
        const client = grant === undefined ? undefined : await clients.client(grant.clientId)
        if (grant === undefined || client === undefined) return wrong(userId, code)
        const { deviceId, userCode, admin } = grant
        if (admin && gate.isTooOld(session)) return gate.toSignIn(next, true)
        const fields = new Map([['user_code', userCode]])
        const receiver = { kind: 'device' } as const
        return consentFor(
          deps,
          { client, deviceId, admin, receiver, action: OAUTH_PATHS.link, next, fields, userCode, canRemember: false },
          session,
        )
      },
    }),
    endpoint({
      method: 'POST',
      paths: [OAUTH_PATHS.link],
      ...PAGE,
      body: 'form',
      handler: async (request) => {
        const session = await gate.ofForm(request)
        if (session === undefined) return gate.toSignIn(OAUTH_PATHS.link)
        const { userId } = session
        await countTry(userId)
        const allowed = request.body.get('decision') === 'allow'
        const code = request.body.get('user_code') ?? ''
        if (allowed && gate.isTooOld(session) && (await deviceGrants.waiting(code))?.admin === true)
          return gate.toSignIn(nextOf(code), true)
        const decided = await deviceGrants.decide(
          code,
          allowed ? { kind: 'allowed', userId, isAdmin: session.admin } : { kind: 'denied' },
        )
        return decided ? decidedPage(allowed) : wrong(userId, code)
      },
    }),
  ]
}
