import type { IncomingMessage } from 'node:http'
import type { StreamedBody } from '../endpoint/endpoint.ts'

export const streamedBody = (request: IncomingMessage): StreamedBody => {
  const { 'content-length': length, 'content-type': contentType } = request.headers
  return { stream: request, contentType, lengthBytes: length === undefined ? undefined : Number(length) }
}
