import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Logger } from '#base'
import { boundStream } from '../connections/sockets.ts'
import type { FileReply } from '../endpoint/answer.ts'
import { type FilePlan, planFile } from './file-plan.ts'
import { CORS_HEADERS } from './send.ts'

const CLIENT_GONE: ReadonlySet<unknown> = new Set([
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ECONNRESET',
  'EPIPE',
])
const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

/**
 * Answers with a part of a file, or with nothing but its headers. Throws when the file fails half-way: the client learns it
 * from a connection that ends early. A client that goes away is no failure.
 */
const sendFile = async (response: ServerResponse, plan: FilePlan, bytes: Readable | undefined): Promise<void> => {
  const list: (string | number)[] = [...CORS_HEADERS]
  for (const [name, value] of Object.entries(plan.headers)) list.push(name, value)
  response.writeHead(plan.status, list as never)
  if (bytes === undefined) {
    response.end()
    return
  }
  try {
    await pipeline(bytes, response)
  } catch (error) {
    if (!CLIENT_GONE.has(codeOf(error))) throw error
  }
}

export interface FileRequest {
  readonly exchange: { readonly id: string; readonly response: ServerResponse }
  readonly headers: IncomingHttpHeaders
  readonly logger: Logger
  /** The endpoint's path, for the log. */
  readonly path: string
  readonly writeTimeoutMs: number
  readonly signals: { readonly stopping: boolean }
}

/** Returns the status once the file is open. It throws before that only, when an error can still be answered. */
export const sendFileReply = async (
  { file }: FileReply,
  { exchange: { id, response }, headers, logger, path, writeTimeoutMs, signals }: FileRequest,
): Promise<number> => {
  const isHead = response.req.method === 'HEAD'
  // RFC 9110, section 14.2: ranges are for `GET` alone.
  const plan = planFile(isHead ? { ...headers, range: undefined } : headers, file)
  const bytes = plan.status === 304 ? undefined : await file.open(plan.range)
  if (response.destroyed) {
    bytes?.destroy()
    return plan.status
  }
  // The file was opened all the same, so that one that is gone is told as to `GET`.
  if (isHead) bytes?.destroy()
  boundStream(response, writeTimeoutMs)
  // A stop that began meanwhile did not find this connection idle, and would wait for it.
  const { socket } = response
  response.once('finish', () => signals.stopping && socket?.end())
  sendFile(response, plan, isHead ? undefined : bytes).catch((err: unknown) => {
    logger.error({ request: id, path, err }, 'a file failed half-way')
  })
  return plan.status
}
