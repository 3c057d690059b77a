import fc from 'fast-check'
import type { AnyEndpoint } from '#http'
import { fitting, HOSTILE_TEXTS, hostileText, hostileValue, type Pools, type Schema } from './values.ts'

export interface FuzzRequest {
  readonly method: string
  /** With the query, as it goes over the wire. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  /** Something in it was broken on purpose; it may fit all the same. */
  readonly broken: boolean
}

/** Waiting is what some requests are for: they are asked to wait for less than counts as a hang. */
const WAITS: ReadonlySet<string> = new Set(['timeout', 'timeout_ms'])
const wait = fc.constantFrom('0', '1', '30', '-1', 'soon', '1e2', '', '0.5', '-99999999999999999999')

/** Not percent-encoded here: what a path may look like on the wire when nobody was careful. */
const BROKEN_SEGMENTS = ['%', '%zz', '%c3%28', '%00', '%2e%2e', '..', '', '%ff%fe', 'a%2Fb', '%F0%9F%92', '+', '*']

const encoded = (text: string): string => encodeURIComponent(text.toWellFormed())

const segment = (name: string, pools: Pools, broken: boolean): fc.Arbitrary<string> =>
  broken
    ? fc.oneof(fc.constantFrom(...BROKEN_SEGMENTS), hostileText.map(encoded))
    : fitting({ type: 'string' }, name, pools).map((value) => encoded(String(value)))

const pathOf = (template: string, pools: Pools, broken: boolean): fc.Arbitrary<string> => {
  const parts = template.split('/')
  // One broken part at a time, so that the rest of the request gets its turn.
  const breakable = parts.flatMap((part, index) => (part.startsWith(':') ? [index] : []))
  const chosen = broken && breakable.length > 0 ? fc.constantFrom(...breakable) : fc.constant(-1)
  return chosen.chain((at) =>
    fc
      .tuple(
        ...parts.map((part, index) =>
          part.startsWith(':') ? segment(part.slice(1), pools, index === at) : fc.constant(part),
        ),
      )
      .map((texts) => texts.join('/')),
  )
}

const queryOf = (schema: Schema | undefined, pools: Pools, broken: boolean): fc.Arbitrary<string> => {
  const names = Object.keys(schema?.properties ?? {})
  const members = Object.entries(schema?.properties ?? {}).map(([name, member]): fc.Arbitrary<string> => {
    const value = WAITS.has(name) ? wait : fitting(member, name, pools).map(textOfValue)
    const text = broken && !WAITS.has(name) ? fc.oneof(value, hostileText) : value
    const pair = text.map((one) => `${name}=${encoded(one)}`)
    const required = schema?.required?.includes(name) === true && !broken
    return required ? pair : fc.oneof({ weight: broken ? 1 : 2, arbitrary: fc.constant('') }, pair)
  })
  const strays = broken
    ? [
        fc.oneof(
          fc.constantFrom(
            '',
            '&&&',
            '=',
            '%',
            'access_token=',
            'a[]=1&a[b]=2',
            '__proto__=1',
            `q=${'x'.repeat(9_000)}`,
          ),
          fc
            .constantFrom(...names, 'x')
            .chain((name) =>
              WAITS.has(name) ? fc.constant('') : hostileText.map((text) => `${name}=1&${name}=${encoded(text)}`),
            ),
        ),
      ]
    : []
  return fc.tuple(...members, ...strays).map((pairs) => pairs.filter((pair) => pair !== '').join('&'))
}

const textOfValue = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

interface Body {
  readonly text: string | undefined
  readonly contentType: string | undefined
}

const json = (value: unknown): Body => ({ text: JSON.stringify(value) ?? '{}', contentType: 'application/json' })

const spoiled = (value: unknown): fc.Arbitrary<Body> => {
  const names = value !== null && typeof value === 'object' ? Object.keys(value) : []
  const changes: fc.Arbitrary<Body>[] = [
    hostileValue.map(json),
    fc.tuple(fc.string({ maxLength: 8 }), hostileValue).map(([name, junk]) => json({ ...Object(value), [name]: junk })),
    fc.nat(60).map((cut) => ({ text: JSON.stringify(value).slice(0, cut), contentType: 'application/json' })),
    fc
      .constantFrom(
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        ';;',
        undefined,
      )
      .map((contentType) => ({ text: JSON.stringify(value), contentType })),
    fc
      .constantFrom(
        '{"a":1,"a":2}',
        '{"a":1e999}',
        '[',
        '"',
        '\ufeff{}',
        '{"\\u0000":1}',
        '{"a":"\\ud800"}',
        'NaN',
        `{"a":${'['.repeat(9_000)}`,
        '{}{}',
      )
      .map((text) => ({ text, contentType: 'application/json' })),
    fc.constant({ text: undefined, contentType: 'application/json' }),
  ]
  if (names.length > 0) {
    const one = fc.constantFrom(...names)
    changes.push(fc.tuple(one, hostileValue).map(([name, junk]) => json({ ...Object(value), [name]: junk })))
    changes.push(
      one.map((name) => json(Object.fromEntries(Object.entries(Object(value)).filter(([own]) => own !== name)))),
    )
  }
  return fc.oneof(...changes)
}

const bodyOf = (endpoint: AnyEndpoint, pools: Pools, broken: boolean): fc.Arbitrary<Body> => {
  if (endpoint.method === 'GET') return fc.constant({ text: undefined, contentType: undefined })
  if (endpoint.body === 'stream') {
    const contentType = fc.constantFrom('image/png', 'text/plain', 'application/octet-stream', ';', 'text/html')
    return fc
      .tuple(fc.string({ unit: 'binary', maxLength: 2_000 }), contentType)
      .map(([text, type]) => ({ text, contentType: type }))
  }
  if (endpoint.body === 'form') {
    const fields = fc.dictionary(
      fc.constantFrom('session', 'password', 'user', 'token', 'accept', 'response'),
      hostileText,
      { maxKeys: 4 },
    )
    return fields.map((form) => ({
      text: Object.entries(form)
        .map(([name, text]) => `${name}=${encoded(text)}`)
        .join('&'),
      contentType: 'application/x-www-form-urlencoded',
    }))
  }
  const schema = (endpoint.body ?? { type: 'object' }) as Schema
  // What has members of its own is made of them; a free body is content.
  const good = fitting(schema, schema.properties === undefined ? 'content' : '', pools)
  return broken ? good.chain(spoiled) : good.map(json)
}

/** Who asks: mostly somebody. */
const credentials = (
  tokens: () => readonly string[],
  broken: boolean,
): fc.Arbitrary<{ readonly header?: string; readonly query?: string }> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.nat().map((n) => ({ header: `Bearer ${pick(tokens(), n)}` })) },
    { weight: 2, arbitrary: fc.nat().map((n) => ({ query: `access_token=${pick(tokens(), n)}` })) },
    { weight: 1, arbitrary: fc.constant({}) },
    ...(broken
      ? [
          {
            weight: 1,
            arbitrary: fc
              .constantFrom(
                'Bearer',
                'Bearer ',
                'Basic YTpi',
                'Bearer nobody',
                'X-Matrix a=b',
                `Bearer ${'t'.repeat(5_000)}`,
              )
              .map((header) => ({ header })),
          },
          {
            weight: 1,
            arbitrary: fc
              .constantFrom(...HOSTILE_TEXTS.slice(0, 12))
              .map((text) => ({ query: `access_token=${encoded(text)}` })),
          },
        ]
      : []),
  )

const pick = (list: readonly string[], n: number): string => list[n % list.length] ?? ''

/** Requests to every path of every endpoint: half of them as they should be, half with something broken. */
export const anyRequest = (
  endpoints: readonly AnyEndpoint[],
  pools: Pools,
  tokens: () => readonly string[],
  onlyBroken = false,
): fc.Arbitrary<FuzzRequest> =>
  fc
    .tuple(fc.constantFrom(...endpoints), onlyBroken ? fc.constant(true) : fc.boolean(), fc.nat(2))
    .chain(([endpoint, broken, where]) => {
      const method =
        broken && where === 2
          ? fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD')
          : fc.constant(endpoint.method)
      return fc
        .tuple(
          fc.constantFrom(...endpoint.paths).chain((path) => pathOf(path, pools, broken && where === 0)),
          queryOf(endpoint.query as Schema | undefined, pools, broken && where <= 1),
          bodyOf(endpoint, pools, broken && where >= 1),
          credentials(tokens, broken),
          method,
        )
        .map(([path, query, { text, contentType }, { header, query: token }, verb]): FuzzRequest => {
          const whole = [query, token ?? ''].filter((part) => part !== '').join('&')
          return {
            method: verb,
            target: whole === '' ? path : `${path}?${whole}`,
            headers: {
              ...(header === undefined ? {} : { authorization: header }),
              ...(contentType === undefined ? {} : { 'content-type': contentType }),
            },
            body: verb === 'GET' || verb === 'HEAD' ? undefined : text,
            broken,
          }
        })
    })
