import type { FormFields } from '../endpoint/endpoint.ts'

/** Our pages have fewer fields; more are ignored. */
const MAX_FIELDS = 32

/** Reads `application/x-www-form-urlencoded`, as HTML forms post it. Never throws: a body that cannot be read has no fields. */
export const parseFormBody = (bytes: Buffer | undefined): FormFields => {
  const fields = new Map<string, string>()
  if (bytes === undefined) return fields
  for (const [name, value] of new URLSearchParams(bytes.toString())) {
    if (fields.size >= MAX_FIELDS && !fields.has(name)) break
    fields.set(name, value)
  }
  return fields
}
