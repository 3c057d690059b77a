import { type JsonObject, MatrixError, objectAt, stringAt } from '#spec'

/** The user whom a client means: client-server API, "Identifier types". */
export type AccountIdentifier =
  | { readonly kind: 'user'; readonly user: string }
  /** By an address as the client has it, in whatever form. */
  | { readonly kind: 'thirdparty'; readonly medium: string; readonly address: string }
  /** By a phone number as it was typed, which is resolved to no account. */
  | { readonly kind: 'phone' }

/**
 * The identifier in the body of a login or in `auth` of `m.login.password`, the deprecated members included (`user`; `medium` and
 * `address`). Throws `M_MISSING_PARAM`, `M_INVALID_PARAM`.
 */
export const identifierIn = (object: JsonObject): AccountIdentifier => {
  const identifier = objectAt(object, 'identifier')
  if (identifier === undefined) return deprecatedIdentifier(object)
  const type = stringAt(identifier, 'type')
  if (type === 'm.id.user') return { kind: 'user', user: required(stringAt(identifier, 'user'), 'identifier.user') }
  if (type === 'm.id.thirdparty') {
    const medium = required(stringAt(identifier, 'medium'), 'identifier.medium')
    return { kind: 'thirdparty', medium, address: required(stringAt(identifier, 'address'), 'identifier.address') }
  }
  if (type === 'm.id.phone') {
    required(stringAt(identifier, 'country'), 'identifier.country')
    required(stringAt(identifier, 'phone'), 'identifier.phone')
    return { kind: 'phone' }
  }
  if (type === undefined) throw new MatrixError('M_MISSING_PARAM', 'identifier.type is missing')
  throw new MatrixError('M_INVALID_PARAM', 'This type of identifier is not known here')
}

const deprecatedIdentifier = (object: JsonObject): AccountIdentifier => {
  const user = stringAt(object, 'user')
  if (user !== undefined) return { kind: 'user', user }
  const [medium, address] = [stringAt(object, 'medium'), stringAt(object, 'address')]
  if (medium !== undefined && address !== undefined) return { kind: 'thirdparty', medium, address }
  throw new MatrixError('M_MISSING_PARAM', 'identifier is missing')
}

const required = (value: string | undefined, name: string): string => {
  if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `${name} is missing`)
  return value
}

/** The identifier that a person typed: an e-mail address, a phone number with a plus, or a user name. */
export const identifierTyped = (typed: string): AccountIdentifier => {
  const text = typed.trim()
  if (/^[^@\s]+@[^@\s]+$/.test(text)) return { kind: 'thirdparty', medium: 'email', address: text }
  if (/^\+[\d\s()./-]+$/.test(text)) {
    return { kind: 'thirdparty', medium: 'msisdn', address: text.replaceAll(/\D/g, '') }
  }
  return { kind: 'user', user: text }
}
