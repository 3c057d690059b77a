import { suggestion } from './closest.ts'
import type { Kind } from './kinds.ts'
import type { Section, Setting, Values } from './setting.ts'

/** A problem inside a value of several parts. */
export interface PartProblem {
  /** The place below the setting: `[0].clientId`. Empty for the whole. */
  readonly at: string
  readonly message: string
}

type Fields = Readonly<Record<string, Setting<unknown>>>
type RecordOf<F extends Fields> = Values<Section<F>>

/** A list of records. It reports its problems itself, each with its place. */
export interface RecordListKind<Record> extends Kind<readonly Record[]> {
  readonly fields: Fields
  problems(raw: unknown, fromText: boolean): readonly PartProblem[]
}

export const required = <Value>(kind: Kind<Value>, draft: Omit<Setting<Value>, 'kind' | 'fallback'>) =>
  ({ kind, fallback: undefined, always: true, required: true, ...draft }) as Setting<Value> & { readonly always: true }

const EXPECTS = 'a list of mappings; in a variable, the same as JSON'

/** `check` gets a record whose fields are valid one by one, and the records before it. */
export const recordList = <const F extends Fields>(
  fields: F,
  check: (record: RecordOf<F>, before: readonly RecordOf<F>[]) => readonly PartProblem[],
): RecordListKind<RecordOf<F>> => {
  const read = (raw: unknown, fromText: boolean) => {
    const problems: PartProblem[] = []
    const records: RecordOf<F>[] = []
    const items = fromText ? parseJson(raw) : raw
    if (!Array.isArray(items)) return { problems: [{ at: '', message: `expected ${EXPECTS}` }], records }
    items.forEach((item: unknown, index) => {
      const found = readRecord(fields, item)
      if (found.problems.length === 0) {
        const record = found.record as RecordOf<F>
        found.problems.push(...check(record, records))
        records.push(record)
      }
      problems.push(...found.problems.map(({ at, message }) => ({ at: `[${index}]${at}`, message })))
    })
    return { problems, records }
  }
  return {
    expects: EXPECTS,
    fields,
    parse: (raw, fromText) => {
      const { problems, records } = read(raw, fromText)
      return problems.length === 0 ? records : undefined
    },
    problems: (raw, fromText) => read(raw, fromText).problems,
  }
}

const parseJson = (raw: unknown): unknown => {
  try {
    return JSON.parse(String(raw))
  } catch {
    return undefined
  }
}

const readRecord = (fields: Fields, item: unknown): { record: Record<string, unknown>; problems: PartProblem[] } => {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    return { record: {}, problems: [{ at: '', message: 'expected a mapping' }] }
  }
  const problems: PartProblem[] = []
  for (const key of Object.keys(item)) {
    if (Object.hasOwn(fields, key)) continue
    const names = Object.keys(fields)
    const end = suggestion(key, names, '')
    const listed = `expected one of the settings ${names.join(', ')}`
    problems.push({ at: `.${key}`, message: end === '' ? listed : `${listed}; ${end}` })
  }
  const record: Record<string, unknown> = {}
  for (const [key, { kind, fallback, secret, required: needed }] of Object.entries(fields)) {
    const given = (item as Readonly<Record<string, unknown>>)[key] ?? fallback
    const value = given === undefined ? undefined : kind.parse(given, false)
    record[key] = value
    if (value !== undefined) continue
    if (given !== undefined) {
      const shown = secret === true ? 'another value' : JSON.stringify(given).slice(0, 80)
      problems.push({ at: `.${key}`, message: `expected ${kind.expects}; it is ${shown}` })
    } else if (needed === true) problems.push({ at: `.${key}`, message: `expected ${kind.expects}` })
  }
  return { record, problems }
}

export const isRecordList = (kind: Kind<unknown>): kind is RecordListKind<unknown> => 'fields' in kind
