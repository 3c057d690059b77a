import type { PortListener } from '#http'
import { codeOf, StartError } from '../host/start-error.ts'
import { readTlsFiles, type TlsFiles, tlsRefused } from '../host/tls-files.ts'

export interface TlsListener {
  readonly listener: PortListener
  readonly files: TlsFiles
}

export const tlsListenerOf = async (host: string, files: TlsFiles): Promise<TlsListener> => ({
  listener: { host, port: files.port, tls: await readTlsFiles(files) },
  files,
})

/** The paths that other homeservers ask. */
export const isForServers = (path: string): boolean =>
  /^\/(?:_matrix\/(?:federation|key|policy)\/|\.well-known\/matrix\/)/.test(path)

/** Throws `StartError` with a sentence for the operator. */
export const listening = async (
  listener: PortListener,
  open: (listener: PortListener) => Promise<string>,
): Promise<string> => {
  const { host, port } = listener
  try {
    return await open(listener)
  } catch (cause) {
    switch (codeOf(cause)) {
      case 'EADDRINUSE':
        throw new StartError(`Port ${port} on ${host} is in use by another program; choose one with --port`, { cause })
      case 'EACCES':
        throw new StartError(`Port ${port} on ${host} needs more rights than this user has`, { cause })
      case 'EADDRNOTAVAIL':
      case 'ENOTFOUND':
        throw new StartError(`${host} is no address of this machine`, { cause })
      default:
        if (listener.tls === undefined) throw cause
        throw tlsRefused(cause)
    }
  }
}
