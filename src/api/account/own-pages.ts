import { Type } from 'typebox'
import type { BrowserSession, BrowserSessions } from '#domain'
import { type AnyEndpoint, type CustomReply, endpoint, type FormFields, none, type RateLimit } from '#http'
import { accountRefusedPage, type Refusal } from '#pages'
import { MatrixError } from '#spec'
import type { BrowserGate, BrowserRequest } from './browser-gate.ts'

/** All parameters that the pages of an account know; the rest of a query is dropped. */
const Query = Type.Object({
  action: Type.Optional(Type.String({ maxLength: 100 })),
  device_id: Type.Optional(Type.String({ maxLength: 255 })),
  done: Type.Optional(Type.String({ maxLength: 20 })),
  from: Type.Optional(Type.String({ maxLength: 10 })),
  id: Type.Optional(Type.String({ maxLength: 64 })),
})

export type OwnQuery = {
  readonly action?: string
  readonly device_id?: string
  readonly done?: string
  readonly from?: string
  readonly id?: string
}

export interface OwnRequest extends BrowserRequest {
  readonly session: BrowserSession
  readonly query: OwnQuery
  /** Empty for a page. */
  readonly fields: FormFields
  readonly ip: string
}

interface OwnOptions {
  /** Whether the person must have proved who they are within the last minutes. */
  readonly recent?: boolean
  readonly rateLimit?: RateLimit
}

/** A page for a deed of weight is shown to people who signed in so lately; its form counts for some minutes more. */
const RECENT_MS = 10 * 60_000
const RECENT_FORM_MS = 20 * 60_000

/** Makes the endpoints of pages that only somebody who is signed in sees; others are sent to sign in and come back. */
export class OwnPages {
  readonly #gate: BrowserGate
  readonly #sessions: BrowserSessions

  constructor({ gate, sessions }: { readonly gate: BrowserGate; readonly sessions: BrowserSessions }) {
    this.#gate = gate
    this.#sessions = sessions
  }

  page(
    path: string,
    show: (request: OwnRequest) => Promise<CustomReply>,
    { recent = false, rateLimit = 'other' }: OwnOptions = {},
  ): AnyEndpoint {
    return endpoint({
      method: 'GET',
      paths: [path, `${path}/`],
      auth: none(),
      rateLimit,
      query: Query,
      errorPage: accountRefusedPage,
      handler: async (request) => {
        const session = await this.#gate.of(request)
        const next = addressOf(path, request.query)
        if (session === undefined) return this.#gate.toSignIn(next)
        if (recent && !this.#sessions.isRecent(session, RECENT_MS)) return this.#gate.toSignIn(next, true)
        return show({ ...partsOf(request), session, query: request.query, fields: new Map() })
      },
    })
  }

  /** `back`: the page that the form is on, for people who have to sign in first. */
  form(
    path: string,
    back: string,
    act: (request: OwnRequest) => Promise<CustomReply>,
    { recent = false, rateLimit = 'other' }: OwnOptions = {},
  ): AnyEndpoint {
    return endpoint({
      method: 'POST',
      paths: [path],
      auth: none(),
      rateLimit,
      query: Query,
      body: 'form',
      errorPage: accountRefusedPage,
      handler: async (request) => {
        const session = await this.#gate.ofForm(request)
        if (session === undefined) return this.#gate.toSignIn(back)
        if (recent && !this.#sessions.isRecent(session, RECENT_FORM_MS)) return this.#gate.toSignIn(back, true)
        return act({ ...partsOf(request), session, query: request.query, fields: request.body })
      },
    })
  }
}

const partsOf = (request: BrowserRequest & { readonly ip: string }) => ({
  ip: request.ip,
  cookie: (name: string) => request.cookie(name),
  header: (name: string) => request.header(name),
})

const addressOf = (path: string, query: OwnQuery): string => {
  const given = new URLSearchParams(Object.entries(query).filter(([name]) => name !== 'done'))
  return given.size === 0 ? path : `${path}?${given.toString()}`
}

/** Shows the page again with the reason of a refusal; other errors pass. */
export const orRefused = async (
  act: () => Promise<CustomReply>,
  again: (refusal: Refusal) => Promise<CustomReply> | CustomReply,
): Promise<CustomReply> => {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
    return again(refusalOf(error))
  }
}

/** The words of a refusal for a page. */
export const refusalOf = ({ errcode, status, message }: MatrixError): Refusal =>
  errcode === 'M_LIMIT_EXCEEDED'
    ? { status, text: 'Too many attempts. Wait a minute, then try again.' }
    : { status: status === 401 ? 403 : status, text: /[.!?]$/.test(message) ? message : `${message}.` }
