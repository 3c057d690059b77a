import { Type } from 'typebox'
import { type Errcode, type JsonObject, MatrixError } from '#spec'

/** "Registration and Login" of the first version: the members of all its stages. Each stage looks into its own. */
export const LOGIN_2015_MEMBERS = {
  type: Type.Optional(Type.String({ maxLength: 255 })),
  session: Type.Optional(Type.String({ maxLength: 255 })),
  user: Type.Optional(Type.String({ maxLength: 255 })),
  password: Type.Optional(Type.String()),
  challenge: Type.Optional(Type.String()),
  response: Type.Optional(Type.String()),
  email: Type.Optional(Type.String({ maxLength: 500 })),
  code: Type.Optional(Type.String({ maxLength: 255 })),
  token: Type.Optional(Type.String({ maxLength: 255 })),
  device_id: Type.Optional(Type.String({ maxLength: 255 })),
  initial_device_display_name: Type.Optional(Type.String({ maxLength: 1_000 })),
} as const

type Login2015Answer<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  | {
      readonly kind: 'challenge'
      readonly body: JsonObject & {
        readonly flows: readonly { readonly stages: readonly string[] }[]
        readonly session: string
        readonly completed: readonly string[]
        readonly errcode?: Errcode
        readonly error?: string
      }
    }

type OldFlows = { readonly flows: readonly { readonly type: string; readonly stages: readonly string[] }[] }

/** "The home server MUST respond with all the valid login flows", and `stages` names all of each. */
export const flowsReply = (flows: readonly (readonly string[])[]): OldFlows => ({
  flows: flows.map((stages) => ({ type: stages[0] ?? '', stages: [...stages] })),
})

/** "Either new credentials, the next stage of the login process, or a standard error response": `type` is what the request tried. */
export const login2015Reply = (answer: Login2015Answer<JsonObject>, type: string): JsonObject => {
  if (answer.kind === 'done') return answer.result
  const { flows, session, completed, params: _, errcode, error, ...fields } = answer.body
  if (errcode !== undefined) throw new MatrixError(errcode, error ?? 'The stage failed', { status: statusOf(errcode) })
  // More requests of the same stage are to come.
  if (!completed.includes(type)) return { type, session, ...fields }
  const flow = flows.find(({ stages }) => completed.every((one) => stages.includes(one)))
  const next = flow?.stages.find((stage) => !completed.includes(stage))
  return { session, ...(next === undefined ? {} : { next }) }
}

/** Today a failed stage is 401, with all the flows. Then it was a standard error: 400 for captchas, and 403. */
const statusOf = (errcode: Errcode): number =>
  errcode === 'M_CAPTCHA_NEEDED' || errcode === 'M_CAPTCHA_INVALID' ? 400 : 403

/** Throws `M_MISSING_PARAM`, and `M_UNKNOWN` (400) for what no flow has. */
export const offeredType = (type: string | undefined, flows: readonly (readonly string[])[]): string => {
  if (type === undefined) throw new MatrixError('M_MISSING_PARAM', 'type is missing')
  if (!flows.some((flow) => flow.includes(type))) {
    throw new MatrixError('M_UNKNOWN', 'No flow of this server has a stage of that type', { status: 400 })
  }
  return type
}
