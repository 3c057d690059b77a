import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Clock } from '#base'

export interface SocketLimits {
  readonly headerBytes: number
  /** All headers of a request must be there by then. */
  readonly headersTimeoutMs: number
  /** A whole request, with its body, must be there by then. An answer may take longer: long polls. */
  readonly requestTimeoutMs: number
  /** The same for endpoints that take their body as a stream. */
  readonly uploadTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  /** A client that reads nothing for so long of an answer that waits for it is cut off. */
  readonly writeTimeoutMs: number
}

export interface Listener {
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
  /** PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [status: string, errcode: string, error: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'M_TOO_LARGE', 'The headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'M_UNKNOWN', 'The request did not arrive in time'],
}

/** What cannot be parsed as HTTP never reaches a handler, but still gets an answer with a body. */
const refuse = (error: Error & { code?: string }, socket: Socket): void => {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, errcode, text] = CLIENT_ERRORS[error.code ?? ''] ?? [
    '400 Bad Request',
    'M_UNKNOWN',
    'This is not HTTP',
  ]
  const body = JSON.stringify({ errcode, error: text })
  const head = `Connection: close\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
  socket.end(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n${body}`)
  socket.destroySoon()
}

/** Cuts the client off when it does not read what was written for it; costs nothing where the kernel took it all at once. */
export const boundWrite = (response: ServerResponse, writeTimeoutMs: number): void => {
  const { socket } = response
  if (socket === null || socket.writableLength === 0) return
  boundStream(response, writeTimeoutMs)
}

/** The same for an answer that is written bit by bit: it may begin with nothing that waits. */
export const boundStream = (response: ServerResponse, writeTimeoutMs: number): void => {
  const { socket } = response
  if (socket === null || socket.timeout === writeTimeoutMs) return
  const cut = (): void => {
    socket.destroy()
  }
  socket.setTimeout(writeTimeoutMs, cut)
  // Before Node's own listener, which sets the time that the connection may be idle.
  response.prependOnceListener('finish', () => {
    socket.setTimeout(0)
    socket.removeListener('timeout', cut)
  })
}

/** Refuses a request whose body is not all there in time. Node has one such limit for all requests, and uploads need a longer one. */
export const boundArrival = (
  request: IncomingMessage,
  response: ServerResponse,
  clock: Clock,
  timeoutMs: number,
): void => {
  const cancel = clock.after(timeoutMs, () => {
    if (request.complete) return
    if (response.headersSent) request.socket.destroy()
    else refuse(Object.assign(new Error('the request is late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), request.socket)
  })
  request.once('end', cancel)
  request.once('close', cancel)
}

export const openServer = (listener: Listener, limits: SocketLimits, handle: RequestListener): Server => {
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: Math.max(limits.requestTimeoutMs, limits.uploadTimeoutMs),
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    noDelay: true,
  }
  const server =
    listener.tls === undefined
      ? createServer(options, handle)
      : createTlsServer({ ...options, ...listener.tls }, handle)
  server.on('clientError', refuse)
  return server
}

/** Answers with the address it listens on; throws as Node does (`EADDRINUSE`, `EACCES`). */
export const listen = (server: Server, { host, port, tls }: Listener): Promise<string> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.removeListener('error', reject)
      const address = server.address()
      if (address === null || typeof address === 'string') {
        reject(new Error('the server listens on no port'))
        return
      }
      const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
      resolve(`${tls === undefined ? 'http' : 'https'}://${name}:${address.port}`)
    })
  })

/** Stops accepting, lets what is under way end, and after `graceMs` cuts what is left. */
export const closeServer = (server: Server, clock: Clock, graceMs: number): Promise<void> =>
  new Promise((resolve) => {
    if (!server.listening) {
      resolve()
      return
    }
    const cancel = clock.after(graceMs, () => server.closeAllConnections())
    server.close(() => {
      cancel()
      resolve()
    })
    server.closeIdleConnections()
  })
