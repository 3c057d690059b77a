import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { createServer as createTlsServer, Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { type Clock, nodeHttp } from '#base'

export interface SocketLimits {
  readonly headerBytes: number
  /** Limit for all headers of a request to arrive. */
  readonly headersTimeoutMs: number
  /** Limit for a whole request with its body to arrive. The answer of a long poll may take longer. */
  readonly requestTimeoutMs: number
  /** Limit for a whole request where the endpoint takes its body as a stream. */
  readonly uploadTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  /** A client that reads nothing of its answer for so long is cut off. */
  readonly writeTimeoutMs: number
}

/** A port of an address, or a socket in the file system. */
export type Listener = PortListener | { readonly socketPath: string; readonly tls?: undefined }

export interface PortListener {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** Both are PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

type ClientError = readonly [status: string, errcode: string, error: string, header?: string]

const CLIENT_ERRORS: Readonly<Record<string, ClientError>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'M_TOO_LARGE', 'The headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'M_UNKNOWN', 'The request did not arrive in time'],
}

/** Methods that Node's parser does not know are answered like other unknown ones. No path is known then, so `Allow` names what any takes. */
const UNKNOWN_METHOD: ClientError = [
  '405 Method Not Allowed',
  'M_UNRECOGNIZED',
  'No path takes this method',
  'Allow: GET, HEAD, PUT, POST, DELETE, OPTIONS\r\n',
]
const REQUEST_LINE = /^[!#$%&'*+.^_`|~\w-]+ \S+ HTTP\/1\.[01]\r\n/

const clientErrorOf = ({ code = '', rawPacket }: ParseError): ClientError => {
  if (code === 'HPE_INVALID_METHOD' && rawPacket !== undefined && REQUEST_LINE.test(rawPacket.toString('latin1')))
    return UNKNOWN_METHOD
  return CLIENT_ERRORS[code] ?? ['400 Bad Request', 'M_UNKNOWN', 'This is not HTTP']
}

/** An error of Node's parser, with the bytes that it met. */
type ParseError = Error & { readonly code?: string; readonly rawPacket?: Buffer }

/** Bytes that are no HTTP never reach a handler, but still get an answer with a body. */
const refuse = (error: ParseError, socket: Socket): void => {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, errcode, text, header = ''] = clientErrorOf(error)
  const body = JSON.stringify({ errcode, error: text })
  const head = `${header}Connection: close\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
  socket.end(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n${body}`)
  socket.destroySoon()
}

/** Cuts off a client that does not read its answer. Costs nothing where the kernel took the answer at once. */
export const boundWrite = (response: ServerResponse, writeTimeoutMs: number): void => {
  const { socket } = response
  if (socket === null || socket.writableLength === 0) return
  boundStream(response, writeTimeoutMs)
}

/** Cuts off a client that does not read an answer that is written piece by piece. */
export const boundStream = (response: ServerResponse, writeTimeoutMs: number): void => {
  const { socket } = response
  if (socket === null || socket.timeout === writeTimeoutMs) return
  const cut = (): void => {
    socket.destroy()
  }
  socket.setTimeout(writeTimeoutMs, cut)
  // Put before Node's own listener, which sets the limit for an idle connection.
  response.prependOnceListener('finish', () => {
    socket.setTimeout(0)
    socket.removeListener('timeout', cut)
  })
}

/** Refuses a request whose body did not arrive in time. Node has one limit for all requests, which must be the long one of uploads. */
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
      ? nodeHttp.createServer(options, handle)
      : createTlsServer({ ...options, ...listener.tls }, handle)
  server.on('clientError', refuse)
  return server
}

/** New connections get this certificate. Throws as Node does if it cannot be used. */
export const renewTls = (server: Server, tls: NonNullable<Listener['tls']>): void => {
  if (server instanceof TlsServer) server.setSecureContext(tls)
}

/** Resolves to the URL it listens on, or the path of its socket; throws as Node does (`EADDRINUSE`, `EACCES`). */
export const listen = (server: Server, listener: Listener): Promise<string> =>
  new Promise((resolve, reject) => {
    const { tls } = listener
    const place =
      'socketPath' in listener ? { path: listener.socketPath } : { host: listener.host, port: listener.port }
    server.once('error', reject)
    server.listen(place, () => {
      server.removeListener('error', reject)
      const address = server.address()
      if (typeof address === 'string') {
        resolve(address)
        return
      }
      if (address === null) {
        reject(new Error('the server listens nowhere'))
        return
      }
      const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
      resolve(`${tls === undefined ? 'http' : 'https'}://${name}:${address.port}`)
    })
  })

/** Stops accepting, lets open requests end, and cuts those left after `graceMs`. */
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
