import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

/** The event schemas of September 2015 as a judge of events under the old prefixes. They lie beside the repository, like the official data; without them nothing is checked. */
const folder = new URL('../../../shared/spec/v1-2015/event-schemas/schema/v1/', import.meta.url)

export const areOldSchemasPresent = existsSync(folder)

const ajv = new Ajv2020({
  strict: false,
  validateSchema: false,
  validateFormats: false,
  unicodeRegExp: false,
  allErrors: true,
  logger: false,
})
const validators = new Map<string, ValidateFunction<unknown>>()

/** Those schemas refer to each other from their folder's root, wherever they stand. */
const read = (name: string): object => {
  const { $schema: _, ...schema } = JSON.parse(readFileSync(new URL(name, folder), 'utf8'))
  return { ...schema, $id: `old:/${name.replaceAll('#', '%23')}` }
}

const prepare = (): void => {
  if (validators.size > 0) return
  for (const name of ['core/event.json', 'core/room_event.json', 'core/state_event.json'])
    ajv.addSchema(rooted(read(name)))
  for (const name of readdirSync(folder)) {
    if (name.startsWith('m.') && !name.includes('#')) validators.set(name, ajv.compile(rooted(read(name))))
  }
}

const rooted = (schema: object): object =>
  JSON.parse(JSON.stringify(schema).replaceAll(/"\$ref":"(?:\.\.\/)?core\//g, '"$ref":"old:/core/'))

/**
 * What in an event contradicts the schema of its type; nothing for types of which there is none. The schema of `m.presence` asks for an
 * `event_id`, which no presence in the examples of the same document has; and what a redaction strips is not asked for.
 */
export const oldViolations = (event: {
  readonly type: string
  readonly redacted_because?: unknown
}): readonly string[] => {
  if (!areOldSchemasPresent) return []
  prepare()
  const { type } = event
  const isStripped = event.redacted_because !== undefined
  const validate = validators.get(type)
  if (validate === undefined || validate(event)) return []
  const isExcused = (path: string, keyword: string, property: unknown): boolean =>
    keyword === 'required' &&
    ((type === 'm.presence' && property === 'event_id') || (isStripped && path === '/content'))
  return (validate.errors ?? [])
    .filter(({ instancePath, keyword, params }) => !isExcused(instancePath, keyword, params.missingProperty))
    .map(({ instancePath, message }) => `${type}${instancePath} ${message}`)
}
