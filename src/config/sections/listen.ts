import { duration, host, list, network, path, port, size } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const listen = {
  title: 'Where it listens, and the bounds of a request',
  settings: {
    host: setting(host, '127.0.0.1', {
      flag: 'host',
      description: 'The address it listens on; 0.0.0.0 or :: for all.',
    }),
    port: setting(port, 8008, { flag: 'port', description: 'The port for plain HTTP; 0 for any that is free.' }),
    tlsPort: optional(port, { flag: 'tls-port', description: 'A second port, for HTTPS; needs tlsCert and tlsKey.' }),
    tlsCert: optional(path, { flag: 'tls-cert', description: 'PEM file with the certificate chain.' }),
    tlsKey: optional(path, { flag: 'tls-key', description: 'PEM file with the private key.' }),
    federationPort: optional(port, {
      flag: 'federation-port',
      description:
        'A port for other homeservers alone, by HTTPS; they look for 8448 unless told otherwise. Unset: they come to the other ports, mostly through a reverse proxy.',
    }),
    federationHost: optional(host, { description: 'The address of the federation port. Unset: host.' }),
    federationCert: optional(path, {
      description:
        'PEM file with the certificate chain for the federation port, for the name of this server, or the one that federation.delegatedTo names. Unset: tlsCert.',
    }),
    federationKey: optional(path, { description: 'PEM file with its private key. Unset: tlsKey.' }),
    trustProxy: setting(list(network), [], {
      description:
        'Addresses and networks of reverse proxies whose X-Forwarded-For is believed. Without them the address of the connection counts, for rate limits and device lists.',
    }),
    metricsPort: optional(port, { description: 'A port of its own for Prometheus metrics, at /metrics. Unset: none.' }),
    metricsHost: setting(host, '127.0.0.1', { description: 'The address of the metrics port.' }),
    bodySize: setting(size, '128KiB', {
      description:
        'The largest request body where an endpoint sets no other bound. Of JSON without needless escapes and white space, which may take six times as many bytes on the wire.',
    }),
    headerSize: setting(size, '16KiB', { description: 'The largest request line and headers together.' }),
    headersTimeout: setting(duration, '15s', { description: 'All headers of a request must have come by then.' }),
    requestTimeout: setting(duration, '60s', {
      description:
        'A whole request must have come by then; uploads have media.uploadTimeout. Answers may take longer: a long poll waits.',
    }),
    keepAliveTimeout: setting(duration, '75s', { description: 'How long an idle connection stays open.' }),
    writeTimeout: setting(duration, '30s', {
      description: 'A client that reads nothing of its answer for so long is cut off.',
    }),
  },
} as const
