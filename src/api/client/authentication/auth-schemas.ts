import { Type } from 'typebox'
import { CustomReply } from '#http'
import type { JsonObject, JsonValue } from '#spec'

/** A JSON object that the domain looks into itself. */
export const AnyObject = Type.Unsafe<JsonObject>({ type: 'object' })

/** Anything that the domain looks into itself. */
export const AnyJson = Type.Unsafe<JsonValue>({})

/** `definitions/auth_data.yaml`. */
export const AuthData = Type.Unsafe<JsonObject>({
  type: 'object',
  properties: { type: { type: 'string', maxLength: 255 }, session: { type: 'string', maxLength: 255 } },
})

type UiaAnswer<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  | { readonly kind: 'challenge'; readonly body: JsonObject }

/** What user-interactive authentication came to: the operation's answer, or 401 with what is still to do. */
export const uiaReply = <Result>(
  answer: UiaAnswer<Result>,
  done: (result: Result) => JsonObject,
): JsonObject | CustomReply =>
  answer.kind === 'done' ? done(answer.result) : new CustomReply({ status: 401, body: answer.body })

/** The named members that are there. */
export const pick = (body: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(names.flatMap((name) => (Object.hasOwn(body, name) ? [[name, body[name]]] : [])))
