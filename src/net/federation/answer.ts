import type { IncomingMessage } from 'node:http'
import { pipeline, type Readable, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { parseJson } from '#rules'
import { isJsonObject, type JsonObject, type ServerName } from '#spec'
import { boundedBytes } from '../bounded-answer.ts'
import { FederationFailure } from './requests.ts'

/** A body in pieces, unpacked, at most `maxBytes` both as it comes and unpacked: reading more fails. */
export const unpacked = (response: IncomingMessage, maxBytes: number): Readable => {
  const encoding = (response.headers['content-encoding'] ?? '').trim().toLowerCase()
  const [packed, plain] = [limited(maxBytes), limited(maxBytes)]
  // The reader gets errors from the last stream.
  const done = (): void => {}
  switch (encoding) {
    case '':
    case 'identity':
      return pipeline(response, plain, done)
    case 'gzip':
    case 'x-gzip':
      return pipeline(response, packed, createGunzip(), plain, done)
    default:
      throw new Error('the answer has an encoding that was not asked for')
  }
}

/** The other side sent more than was allowed. */
export class AnswerTooLong extends Error {
  override readonly name = 'AnswerTooLong'
}

const limited = (maxBytes: number): Transform => {
  let sizeBytes = 0
  return new Transform({
    transform: (piece: Buffer, _encoding, done) => {
      sizeBytes += piece.length
      if (sizeBytes > maxBytes) done(new AnswerTooLong(`the answer is longer than ${maxBytes} bytes`))
      else done(null, piece)
    },
  })
}

/** Limit of an error's body. */
const MAX_ERROR_BYTES = 64 * 1024
/** Longer waits are not believed. */
const MAX_RETRY_MS = 24 * 3_600_000

/** The failure that an answer outside 200 to 299 stands for. */
export const refusalOf = async (destination: ServerName, response: IncomingMessage): Promise<FederationFailure> => {
  const status = response.statusCode ?? 0
  if (status < 400 || status > 599)
    return new FederationFailure({
      destination,
      kind: 'bad-answer',
      reason: `it answered with status ${status}`,
      status,
    })
  const body = await errorBodyOf(response)
  const errcode = typeof body?.errcode === 'string' ? body.errcode.slice(0, 255) : undefined
  const said = errcode === undefined ? '' : ` ${errcode}`
  return new FederationFailure({
    destination,
    kind: 'refused',
    reason: `it answered ${status}${said}`,
    status,
    errcode,
    body,
    retryAfterMs: retryAfterOf(response, body),
  })
}

const errorBodyOf = async (response: IncomingMessage): Promise<JsonObject | undefined> => {
  try {
    const parsed = parseJson(await boundedBytes(unpacked(response, MAX_ERROR_BYTES), MAX_ERROR_BYTES))
    return parsed.ok && isJsonObject(parsed.value) ? parsed.value : undefined
  } catch {
    return undefined
  }
}

const retryAfterOf = ({ headers }: IncomingMessage, body: JsonObject | undefined): number | undefined => {
  const header = headers['retry-after']
  const said = header !== undefined && /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : body?.retry_after_ms
  return typeof said === 'number' && said >= 0 ? Math.min(said, MAX_RETRY_MS) : undefined
}
