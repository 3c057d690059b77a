import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import ajvFormats from 'ajv-formats'
import type { TSchema } from 'typebox'
import { type Errcode, MatrixError } from '#spec'
import type { AnyEndpoint } from '../endpoint/endpoint.ts'

/** Members of the wrong type are refused in bodies, unknown members are let through. */
const bodies = new Ajv({ strict: false, coerceTypes: false, ownProperties: true })
/** Path and query hold text only, so numbers, booleans and lists of one are read from it. */
const texts = new Ajv({ strict: false, coerceTypes: 'array' })

// The package is CommonJS and its types say otherwise.
const withFormats = ajvFormats as unknown as (ajv: Ajv) => void
withFormats(bodies)
withFormats(texts)

/** Checks a value, coerces it in place and returns it; throws a `MatrixError` that names the member and what was expected. */
export type Shape = (value: unknown) => unknown

/** Compiled at first use: there are hundreds of schemas, and few are used soon after a start. */
const shape = (ajv: Ajv, schema: TSchema, misfit: Errcode, absent: Errcode): Shape => {
  let validate: ValidateFunction | undefined
  return (value) => {
    validate ??= ajv.compile(schema)
    if (validate(value)) return value
    throw refusal(validate.errors ?? [], misfit, absent)
  }
}

const refusal = (errors: readonly ErrorObject[], misfit: Errcode, absent: Errcode): MatrixError => {
  const errcode = errors.length > 0 && errors.every((error) => error.keyword === 'required') ? absent : misfit
  const places = Map.groupBy(errors, ({ instancePath }) => instancePath.slice(1).replaceAll('/', '.'))
  const text = [...places].map(([place, found]) => `${place} ${wordsOf(found)}`.trim())
  return new MatrixError(errcode, text.join('; ').slice(0, 500) || 'The request does not fit')
}

/** The words for what was expected at one place. The values of alternatives are listed, and the error that none of them fits is left out. */
const wordsOf = (errors: readonly ErrorObject[]): string => {
  const allowed: unknown[] = errors.flatMap(({ keyword, params }) => {
    if (keyword === 'const') return [params.allowedValue]
    return keyword === 'enum' ? (params.allowedValues as unknown[]) : []
  })
  const values = [...new Set(allowed)].map((value) => JSON.stringify(value))
  const listed = values.length > 1 ? `must be one of ${values.join(', ')}` : `must be ${values[0]}`
  const others = errors.filter(({ keyword }) => !['const', 'enum', 'anyOf', 'oneOf'].includes(keyword))
  const words = [...(values.length === 0 ? [] : [listed]), ...new Set(others.map(({ message }) => message))]
  const isChoice = errors.some(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')
  return words.length === 0 ? 'does not fit' : words.join(isChoice ? ' or ' : '; ')
}

const shapesOf = new WeakMap<AnyEndpoint, EndpointShapes>()

export interface EndpointShapes {
  readonly params: Shape | undefined
  readonly query: Shape | undefined
  readonly body: Shape | undefined
}

/** One set an endpoint, shared by all its paths. */
export const endpointShapes = (endpoint: AnyEndpoint): EndpointShapes => {
  const known = shapesOf.get(endpoint)
  if (known !== undefined) return known
  const { invalidErrcode } = endpoint
  const text = (schema: TSchema | undefined): Shape | undefined =>
    schema === undefined ? undefined : shape(texts, schema, invalidErrcode ?? 'M_INVALID_PARAM', 'M_MISSING_PARAM')
  const made: EndpointShapes = {
    params: text(endpoint.params),
    query: text(endpoint.query),
    body:
      endpoint.body === undefined || typeof endpoint.body === 'string'
        ? undefined
        : shape(bodies, endpoint.body, invalidErrcode ?? 'M_BAD_JSON', 'M_MISSING_PARAM'),
  }
  shapesOf.set(endpoint, made)
  return made
}
