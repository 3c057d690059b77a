import { baseUrl, integer, list, nonEmptyText, text } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const tracing = {
  title: 'OpenTelemetry traces: where the time of requests goes',
  settings: {
    endpoint: optional(baseUrl, {
      description:
        'Where traces are sent, by OTLP over HTTP as JSON: the whole URL, such as http://127.0.0.1:4318/v1/traces. Unset: none are made, and nothing is loaded for them.',
    }),
    headers: setting(
      list(text('NAME=VALUE', (value) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+=[\t\x20-\x7e]+$/.test(value))),
      [],
      {
        secret: true,
        description: 'Headers that the collector asks for.',
      },
    ),
    samplePercent: setting(integer(0, 100, 'a share in percent'), 100, {
      description: 'How many requests of a hundred are traced.',
    }),
    serviceName: setting(nonEmptyText, 'homeroom', { description: 'The name of this service in the traces.' }),
  },
} as const
