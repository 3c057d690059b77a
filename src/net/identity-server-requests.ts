import { isJsonObject, type JsonObject, stringAt } from '#spec'
import { boundedText } from './bounded-answer.ts'

export interface IdentityServerRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly content?: JsonObject
  readonly authorization?: string
}

export type IdentityServerAnswer =
  | { readonly kind: 'answer'; readonly body: JsonObject }
  /** An answer outside 200 to 299; the errcode where it was a standard error. */
  | { readonly kind: 'error'; readonly status: number; readonly errcode: string | undefined; readonly error: string }

/** A binding comes with all the invites that waited for it. */
const MAX_ANSWER_BYTES = 256 * 1024
const MAX_ERROR = 500
const ERRCODE = /^[A-Za-z0-9_.]{1,100}$/

/** Throws where no JSON object came back within the limits, unless the status alone says enough. */
export const askIdentityServer = async (
  origin: string,
  { method, path, content, authorization }: IdentityServerRequest,
  signal: AbortSignal,
): Promise<IdentityServerAnswer> => {
  const answer = await fetch(`${origin}${path}`, {
    method,
    headers: {
      ...(content === undefined ? {} : { 'content-type': 'application/json' }),
      ...(authorization === undefined ? {} : { authorization }),
    },
    ...(content === undefined ? {} : { body: JSON.stringify(content) }),
    redirect: 'error',
    signal,
  })
  const text = await boundedText(answer.body, MAX_ANSWER_BYTES)
  if (!answer.ok) return errorIn(answer.status, text)
  const body: unknown = JSON.parse(text)
  if (!isJsonObject(body)) throw new Error('the answer is no JSON object')
  // The identity servers of 2015 answered errors with status 200.
  return stringAt(body, 'errcode') === undefined ? { kind: 'answer', body } : errorIn(answer.status, text)
}

const errorIn = (status: number, text: string): IdentityServerAnswer => {
  const body = jsonIn(text)
  const errcode = isJsonObject(body) ? stringAt(body, 'errcode') : undefined
  const error = isJsonObject(body) ? (stringAt(body, 'error') ?? '') : ''
  return {
    kind: 'error',
    status,
    errcode: errcode !== undefined && ERRCODE.test(errcode) ? errcode : undefined,
    error: error.toWellFormed().slice(0, MAX_ERROR).toWellFormed(),
  }
}

const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
