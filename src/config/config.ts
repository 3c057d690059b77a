import type { Settings } from './schema.ts'

export type Database =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }

export type RegistrationMode = 'open' | 'token' | 'closed'

export interface TlsPort {
  readonly port: number
  readonly certFile: string
  readonly keyFile: string
}

/** The whole configuration, validated: plain data, frozen by type. Durations are milliseconds, sizes bytes. */
export interface Config extends Omit<Settings, 'registration' | 'storage' | 'listen' | 'oauth'> {
  readonly listen: Omit<
    Settings['listen'],
    'tlsPort' | 'tlsCert' | 'tlsKey' | 'federationPort' | 'federationHost' | 'federationCert' | 'federationKey'
  > & {
    readonly tls: TlsPort | undefined
    /** The port for other homeservers alone. */
    readonly federation: (TlsPort & { readonly host: string }) | undefined
  }
  readonly storage: {
    readonly dataFolder: string
    readonly database: Database
    readonly durability: Settings['storage']['durability']
    readonly severalProcesses: boolean
  }
  readonly oauth: Omit<Settings['oauth'], 'enabled'> & { readonly enabled: boolean }
  readonly registration: Omit<Settings['registration'], 'mode'> & { readonly mode: RegistrationMode }
}
