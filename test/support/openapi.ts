import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { parse } from 'yaml'

/**
 * The official OpenAPI data as a judge of our responses. It lies beside the repository, not in it; where it does not, every
 * check passes and one line says that nothing was checked.
 */
const specFolder = new URL('../../../shared/spec/', import.meta.url)
const apiFolder = new URL('v1.19/api/', specFolder)
const endpointTable = new URL('endpoints.tsv', specFolder)

export const isOpenApiPresent = existsSync(apiFolder) && existsSync(endpointTable)

export interface Operation {
  readonly api: string
  readonly method: string
  /** As the data has it: `/_matrix/client/v3/rooms/{roomId}/join`. */
  readonly path: string
  readonly operationId: string
  readonly deprecated: boolean
  /** `1.4`; empty where the data does not say. */
  readonly addedIn: string
  /** Relative to the folder of the data: `client-server/joining.yaml`. */
  readonly file: string
}

/** Every operation of the official data, once; empty where the data is absent. */
export function readOperations(): readonly Operation[] {
  if (!isOpenApiPresent) return []
  const [, ...lines] = readFileSync(endpointTable, 'utf8').trimEnd().split('\n')
  const operations = new Map<string, Operation>()
  for (const line of lines) {
    const [api = '', method = '', path = '', operationId = '', addedIn = '', deprecated, , , file = ''] =
      line.split('\t')
    // Where two files document one path (invite, events), the data tells them apart by a space at the end.
    const names = { api, method, path: path.trim(), operationId }
    const operation = { ...names, deprecated: deprecated === 'deprecated', addedIn, file }
    const key = `${method} ${operation.path}`
    if (!operations.has(key)) operations.set(key, operation)
  }
  return [...operations.values()]
}

type Node = { readonly [key: string]: unknown } | readonly unknown[]
/** A place in one of the files: the node, and its address. */
interface Place {
  readonly file: string
  readonly pointer: readonly string[]
  readonly node: Node
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null
const childOf = (node: unknown, key: string): unknown =>
  isNode(node) ? (node as Record<string, unknown>)[key] : undefined

const ajv = new Ajv2020({
  strict: false,
  validateSchema: false,
  validateFormats: false,
  unicodeRegExp: false,
  allErrors: true,
  logger: false,
})
const documents = new Map<string, Node>()

/** Files are known by their `file:` address, so that ajv resolves the references between them by itself. */
function loadDocument(file: string): Node {
  const known = documents.get(file)
  if (known !== undefined) return known
  const document = parse(readFileSync(fileURLToPath(file), 'utf8'), { maxAliasCount: 0 }) as Node
  documents.set(file, document)
  ajv.addSchema(withoutIdentity(document) as object, file)
  for (const reference of findReferences(document)) loadDocument(withoutFragment(new URL(reference, file).href))
  return document
}

const withoutFragment = (address: string): string => address.split('#', 1)[0] ?? address

/** An `$id` or a dialect of its own would move a file to an address where no reference finds it. */
function withoutIdentity(document: Node): Node {
  const { $id: _id, $schema: _schema, ...rest } = document as Record<string, unknown>
  return rest
}

function findReferences(node: unknown): readonly string[] {
  if (!isNode(node)) return []
  const own = childOf(node, '$ref')
  return [...(typeof own === 'string' ? [own] : []), ...Object.values(node).flatMap(findReferences)]
}

/** Goes down from a place, following references on the way. Undefined where there is nothing. */
function descend(place: Place, ...keys: readonly string[]): Place | undefined {
  let { file, pointer, node } = follow(place)
  for (const key of keys) {
    const child = childOf(node, key)
    if (!isNode(child)) return undefined
    ;({ file, pointer, node } = follow({ file, pointer: [...pointer, key], node: child }))
  }
  return { file, pointer, node }
}

function follow(place: Place): Place {
  const reference = childOf(place.node, '$ref')
  if (typeof reference !== 'string') return place
  const target = new URL(reference, place.file)
  const file = withoutFragment(target.href)
  const keys = decodeURIComponent(target.hash.slice(1))
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  const found = descend({ file, pointer: [], node: loadDocument(file) }, ...keys)
  if (found === undefined) throw new Error(`${place.file}: ${reference} leads nowhere`)
  return found
}

const validators = new Map<string, ValidateFunction>()

function compileAt({ file, pointer }: Place): ValidateFunction {
  const fragment = pointer.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')
  const address = fragment === '' ? file : `${file}#/${fragment}`
  const known = validators.get(address)
  if (known !== undefined) return known
  const validate = ajv.compile({ $ref: address })
  validators.set(address, validate)
  return validate
}

function violationsAt(place: Place, body: unknown): readonly string[] {
  const validate = compileAt(place)
  if (validate(body)) return []
  // The data says "one of" where it means "any of": a content, which may be any object, or a whole event.
  // It also wants `origin` in templates of member events, as in the first room versions: servers of today neither send nor read it.
  const errors = (validate.errors ?? []).filter(
    ({ keyword, params, instancePath }) =>
      (keyword !== 'oneOf' || !params.passingSchemas) &&
      !(instancePath === '/event' && keyword === 'required' && params.missingProperty === 'origin'),
  )
  return errors.map(
    ({ instancePath, message, params }) => `body${instancePath} ${message ?? 'is wrong'} ${JSON.stringify(params)}`,
  )
}

interface Route {
  readonly operation: Operation
  readonly segments: readonly string[]
}

let routes: ReadonlyMap<string, readonly Route[]> | undefined

function routesOf(method: string): readonly Route[] {
  routes ??= Map.groupBy(
    readOperations()
      .filter(({ api }) => api === 'client-server' || api === 'server-server')
      .map((operation) => ({ operation, segments: operation.path.split('/') })),
    ({ operation }) => operation.method,
  )
  return routes.get(method) ?? []
}

const isParameter = (segment: string): boolean => segment.startsWith('{')

/** `r0` paths, and the old ones of media, are the history of the `v3` path; an omitted empty state key is one all the same. */
function spellingsOf(path: string): readonly string[] {
  const current = path
    .replace(/^\/_matrix\/client\/r0\//, '/_matrix/client/v3/')
    .replace(/^\/_matrix\/media\/(r0|v1)\//, '/_matrix/media/v3/')
  return [path, current, `${current}/`]
}

/** The operation that a request path belongs to; the one with more literal segments wins. Undefined: not in the data. */
export function findOperation(method: string, path: string): Operation | undefined {
  const [bare = ''] = path.split('?', 1)
  for (const spelling of spellingsOf(bare)) {
    const given = spelling.split('/')
    const fitting = routesOf(method.toUpperCase()).filter(
      ({ segments }) =>
        segments.length === given.length &&
        segments.every((segment, i) => isParameter(segment) || segment === given[i]),
    )
    const literalCount = ({ segments }: Route) => segments.filter((segment) => !isParameter(segment)).length
    const best = fitting.toSorted((a, b) => literalCount(b) - literalCount(a))[0]
    if (best !== undefined) return best.operation
  }
  return undefined
}

/** The documented responses of an operation. */
function responsesOf({ file, path, method }: Operation): Place {
  const address = new URL(file, apiFolder).href
  const root: Place = { file: address, pointer: [], node: loadDocument(address) }
  const keys = Object.keys(descend(root, 'paths')?.node ?? {})
  // The data splits a path into a base path, which differs by file, and the rest.
  const key = keys.find(
    (candidate) => path.endsWith(candidate.trim()) && descend(root, 'paths', candidate, method.toLowerCase()),
  )
  const responses = key === undefined ? undefined : descend(root, 'paths', key, method.toLowerCase(), 'responses')
  if (responses === undefined) throw new Error(`${file} has no responses for ${method} ${path}`)
  return responses
}

/** The operation uses user-interactive authentication by its description, and documents no status for it. */
const UNDOCUMENTED_CHALLENGE = '/_matrix/client/v3/keys/device_signing/upload'

function challenge(): Place {
  const file = new URL('client-server/definitions/auth_response.yaml', apiFolder).href
  return { file, pointer: [], node: loadDocument(file) }
}

/** Any error of the client-server API: `errcode` and a text ("Standard error response"). */
function standardError(): Place {
  const file = new URL('client-server/definitions/errors/error.yaml', apiFolder).href
  return { file, pointer: [], node: loadDocument(file) }
}

/** The data calls everything in the event stream a room event; presence, typing, receipts and account data are none, and come there all the same. */
function judgedPart({ path }: Operation, body: unknown): unknown {
  const chunk = childOf(body, 'chunk')
  if (path !== '/_matrix/client/v3/events' || !Array.isArray(chunk)) return body
  return { ...(body as object), chunk: chunk.filter((item) => childOf(item, 'event_id') !== undefined) }
}

let isAbsenceTold = false

/**
 * What in a JSON response contradicts the official data; empty where nothing does. An error may always be the standard
 * error, for the data names few of them at each operation; a success must be documented. Paths that are not in the data
 * (other APIs, pages of our own) are not judged.
 */
export function checkResponse(method: string, path: string, status: number, body: unknown): readonly string[] {
  if (!isOpenApiPresent) {
    if (!isAbsenceTold)
      console.warn(`responses are not checked: no OpenAPI data at ${pathToFileURL(fileURLToPath(apiFolder)).href}`)
    isAbsenceTold = true
    return []
  }
  const operation = findOperation(method, path)
  if (operation === undefined) return []
  const responses = responsesOf(operation)
  const title = `${operation.method} ${operation.path} ${status}`
  const documented = descend(responses, String(status))
  if (documented === undefined && status < 400) return [`${title}: no such status is documented`]
  const isChallenge = status === 401 && operation.path === UNDOCUMENTED_CHALLENGE
  const schema = isChallenge ? challenge() : documented && descend(documented, 'content', 'application/json', 'schema')
  const violations = schema === undefined ? [] : violationsAt(schema, judgedPart(operation, body))
  if (status >= 400) {
    const asError = violationsAt(standardError(), body)
    if (asError.length === 0) return []
    if (schema === undefined) return asError.map((violation) => `${title}: ${violation}`)
  }
  return violations.map((violation) => `${title}: ${violation}`)
}

/** An example with what it refers to put in place; properties beside a reference go before those of its target. */
function inlineReferences(file: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => inlineReferences(file, item))
  if (!isNode(value)) return value
  const own = Object.entries(value).filter(([key]) => key !== '$ref')
  const inlined = Object.fromEntries(own.map(([key, child]) => [key, inlineReferences(file, child)]))
  if (typeof childOf(value, '$ref') !== 'string') return inlined
  // Whole files only, and one step at a time: a target has properties beside its own reference too.
  const target = new URL(String(childOf(value, '$ref')), file).href
  return { ...(inlineReferences(target, loadDocument(withoutFragment(target))) as object), ...inlined }
}

/** The examples that the data gives for the responses of an operation, by status: what the checks should let pass. */
export function examplesOf(operation: Operation): readonly { readonly status: number; readonly value: unknown }[] {
  const responses = responsesOf(operation)
  return Object.keys(responses.node).flatMap((status) => {
    const examples = descend(responses, status, 'content', 'application/json', 'examples')
    return Object.keys(examples?.node ?? {}).flatMap((name) => {
      const value = examples && descend(examples, name)
      const own = value && childOf(value.node, 'value')
      return own === undefined ? [] : [{ status: Number(status), value: inlineReferences(value?.file ?? '', own) }]
    })
  })
}
