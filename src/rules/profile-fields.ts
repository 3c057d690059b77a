import { hash } from 'node:crypto'

/** The fields of profiles that a client wants to be told of. */
export interface ProfileFields {
  /** undefined: all of them. */
  readonly keys: readonly string[] | undefined
  /** The same for the same fields: a token with it says which ones its client was told of. */
  readonly mark: string
}

export const ALL_PROFILE_FIELDS: ProfileFields = { keys: undefined, mark: 'all' }

const MARK_LENGTH = 10

/** undefined where no field is left. No field's key has U+0000 in it, and no database takes it. */
export const profileFieldsOf = (keys: readonly string[]): ProfileFields | undefined => {
  const wanted = [...new Set(keys)].filter((key) => key !== '' && !key.includes('\0')).sort()
  if (wanted.length === 0) return undefined
  return { keys: wanted, mark: hash('sha256', JSON.stringify(wanted), 'hex').slice(0, MARK_LENGTH) }
}
