import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock, Logger } from '#base'
import { sendFile } from './answers.ts'
import type { StreamedBody } from './endpoint.ts'
import { type FileReply, planFile } from './file-reply.ts'
import { boundArrival, boundStream, type SocketLimits } from './sockets.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** As it came; the framework must not choose a parser by it. */
    contentType: string | undefined
  }
  interface FastifyContextConfig {
    /** The endpoint takes the body unread. */
    streamed?: boolean
  }
}

interface Bounds {
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: SocketLimits
}

/** Bounds the time in which a body arrives. */
export const boundBody = (request: FastifyRequest, reply: FastifyReply, { clock, limits }: Bounds): void => {
  const bound = (): void => boundArrival(request.raw, reply.raw, clock, limits.requestTimeoutMs)
  if (request.routeOptions.config.streamed !== true) bound()
  // The longer time of an upload is Node's to keep; what still comes after the answer is read for nothing.
  else reply.raw.once('finish', () => request.raw.complete || bound())
}

export const streamedBody = ({ raw, contentType }: FastifyRequest): StreamedBody => {
  const length = raw.headers['content-length']
  return { stream: raw, contentType, lengthBytes: length === undefined ? undefined : Number(length) }
}

/** Answers the status once the file is open: what fails before that throws, and can be answered as any other error. */
export const beginFile = async (
  { file }: FileReply,
  request: FastifyRequest,
  take: () => ServerResponse,
  { logger, limits, stopping }: Bounds & { readonly stopping: () => boolean },
): Promise<number> => {
  const plan = planFile(request.headers, file)
  const bytes = plan.status === 304 ? undefined : await file.open(plan.range)
  const response = take()
  if (response.destroyed) {
    bytes?.destroy()
    return plan.status
  }
  boundStream(response, limits.writeTimeoutMs)
  // A stop that began under way did not find this connection idle, and would wait for it.
  const { socket } = response
  response.once('finish', () => stopping() && socket?.end())
  sendFile(response, plan, bytes).catch((err: unknown) => {
    logger.error({ request: request.id, path: request.routeOptions.url, err }, 'a file failed half-way')
  })
  return plan.status
}
