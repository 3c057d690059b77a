import { Type } from 'typebox'
import { CustomReply } from '#http'
import type { JsonObject, JsonValue } from '#spec'

/** A JSON object that the domain checks itself. */
export const AnyObject = Type.Unsafe<JsonObject>({ type: 'object' })

/** JSON that the domain checks itself. */
export const AnyJson = Type.Unsafe<JsonValue>({})

/** `definitions/auth_data.yaml`. */
export const AuthData = Type.Unsafe<JsonObject>({
  type: 'object',
  properties: { type: { type: 'string', maxLength: 255 }, session: { type: 'string', maxLength: 255 } },
})

type UiaAnswer<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  | { readonly kind: 'challenge'; readonly body: JsonObject }

/** The outcome of user-interactive authentication: the operation's answer, or 401 with the stages that are left. */
export const uiaReply = <Result>(
  answer: UiaAnswer<Result>,
  done: (result: Result) => JsonObject,
): JsonObject | CustomReply =>
  answer.kind === 'done' ? done(answer.result) : new CustomReply({ status: 401, body: answer.body })

/** The named members, as far as they are present. */
export const pick = (body: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(names.flatMap((name) => (Object.hasOwn(body, name) ? [[name, body[name]]] : [])))
