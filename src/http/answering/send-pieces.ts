import type { ServerResponse } from 'node:http'
import type { Clock, LoopTurns, TextPieces } from '#base'
import { CustomReply } from '../endpoint/answer.ts'
import { CORS_HEADERS, sendJson, sendOutcome } from './send.ts'

/** Answers up to this length are sent whole, with their length. */
const WHOLE_LENGTH = 64 * 1024
/** Small pieces are gathered up to this length. */
const CHUNK_LENGTH = 32 * 1024

const JSON_HEADERS = { 'Content-Type': 'application/json' }

export interface PiecesOptions {
  readonly clock: Clock
  /** Shared by all answers that are sent in pieces: making many at once must not fill a turn of the event loop. */
  readonly turns: LoopTurns
  /** Time for the client to take what was written, before it is cut off. */
  readonly writeTimeoutMs: number
  /** Headers of a text that is no JSON. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Sends a text while it is made: the next piece is made when the client has taken those before. Throws if a piece cannot be made; if the answer has
 * begun by then, the client learns of it from a connection that ends early. A client that goes away, or takes too long, is no failure.
 */
export const sendPieces = async (
  response: ServerResponse,
  { begun, rest }: TextPieces,
  options: PiecesOptions,
): Promise<void> => {
  let text = begun.join('')
  try {
    // A piece that cannot be made is most often found here, while an error can still be answered.
    while (text.length < WHOLE_LENGTH) {
      const { done, value } = await rest.next()
      if (done === true) {
        if (!response.destroyed) sendWhole(response, text, options.headers)
        return
      }
      text += value
    }
    if (response.destroyed) return
    const headers = Object.entries(options.headers ?? JSON_HEADERS).flat()
    response.writeHead(200, [...CORS_HEADERS, ...headers])
    while (await taken(response, text, options)) {
      text = ''
      await options.turns.next()
      let over: boolean | undefined
      while (over !== true && text.length < CHUNK_LENGTH) {
        const { done, value } = await rest.next()
        over = done
        text += value ?? ''
      }
      if (over !== true) continue
      response.end(text)
      return
    }
  } catch (error) {
    if (response.headersSent) response.destroy()
    throw error
  } finally {
    await rest.return()
  }
}

const sendWhole = (response: ServerResponse, text: string, headers: PiecesOptions['headers']): void => {
  if (headers === undefined) sendJson(response, 200, text)
  else sendOutcome(response, new CustomReply({ status: 200, headers, body: text }))
}

/** Writes a text; resolves when there is room for the next, or with `false` when the client is gone. */
const taken = (response: ServerResponse, text: string, { clock, writeTimeoutMs }: PiecesOptions): Promise<boolean> => {
  if (response.destroyed) return Promise.resolve(false)
  if (response.write(text)) return Promise.resolve(true)
  return new Promise((resolve) => {
    const cancel = clock.after(writeTimeoutMs, () => response.destroy())
    const end = (isThere: boolean): void => {
      cancel()
      response.removeListener('drain', drained)
      response.removeListener('close', closed)
      resolve(isThere)
    }
    const drained = (): void => end(true)
    const closed = (): void => end(false)
    response.on('drain', drained)
    response.on('close', closed)
  })
}
