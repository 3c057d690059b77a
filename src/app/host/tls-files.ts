import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { Config } from '#config'
import { reasonOf, StartError } from './start-error.ts'

export type TlsFiles = NonNullable<Config['listen']['tls']>

/** Reads certificate and key. Throws `StartError`. */
export const readTlsFiles = async ({ certFile, keyFile }: TlsFiles) => ({
  cert: await readPem(certFile),
  key: await readPem(keyFile),
})

/** Throws `StartError`. */
export const readPem = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new StartError(`The TLS file ${file} cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

/** Reads the certificates of an authority. Throws `StartError`. */
export const readAuthority = async (file: string): Promise<string> => {
  const text = await readPem(file)
  try {
    // Node takes a text without certificates for an authority that vouches for nothing.
    new X509Certificate(text)
    return text
  } catch (cause) {
    throw new StartError(`The file ${file} has no certificate that can be read: ${reasonOf(cause)}`, { cause })
  }
}

/** Throws `StartError` if HTTPS cannot be served with them. */
export const assertTlsFits = (texts: { readonly cert: string; readonly key: string }): void => {
  try {
    createSecureContext(texts)
  } catch (cause) {
    throw tlsRefused(cause)
  }
}

export const tlsRefused = (cause: unknown): StartError =>
  new StartError(`HTTPS cannot be served with this certificate and key: ${reasonOf(cause)}`, { cause })
