import { type JsonObject, localpartOf, MatrixError, parseUserId, type ServerName, serverOf, stringAt } from '#spec'
import { factIn, type Stage, type StageOffer, type UiaAnswer } from '../../uia/index.ts'
import type { Register, RegisterRequest } from '../registration/register.ts'
import { PASSWORD_STAGE } from '../stages/password-and-token.ts'

/** This stage is not named to clients of the first version: they have nothing to do for it. */
const DUMMY_STAGE = 'm.login.dummy'

/** The stages of the first version in place of a stage of today: several if it can be passed in several ways. */
export type Stages2015 = ReadonlyMap<string, readonly Stage[]>

export interface Registration2015Parts {
  readonly register: Register
  readonly isOpen: boolean
  readonly offer: StageOffer
  readonly oldStages: Stages2015
  readonly serverName: ServerName
}

/** The operation of its sessions. */
export const REGISTRATION_2015 = 'POST /register of the first version'

/**
 * `POST /register` of the first version ("Registration and Login"): the stages of today, one request each or more, and the last of them is
 * `m.login.password`, which names the account. The requests are a user-interactive authentication of their own, in any order.
 */
export class Registration2015 {
  /** The stage types of each flow; empty if registration is closed. */
  readonly flows: readonly (readonly string[])[]
  readonly #register: Register
  readonly stages: readonly Stage[]

  constructor({ register, isOpen, offer, oldStages, serverName }: Registration2015Parts) {
    this.#register = register
    this.flows = isOpen ? oldFlows(offer.flows, oldStages) : []
    this.stages = [...offer.stages, ...[...oldStages.values()].flat(), accountStage(register, serverName)]
  }

  /** `auth`: the request, with its `type` and `session`. Throws what `Register.user` throws. */
  run(auth: JsonObject, from: RegisterRequest['from']): Promise<UiaAnswer<JsonObject>> {
    return this.#register.byStages(auth, from, {
      operation: REGISTRATION_2015,
      offer: { flows: this.flows, stages: this.stages, anyOrder: true },
      membersIn: (facts) => factIn(facts, 'account')?.members ?? {},
    })
  }
}

const oldFlows = (flows: StageOffer['flows'], oldStages: Stages2015): readonly (readonly string[])[] =>
  flows.flatMap((flow) => {
    let old: readonly (readonly string[])[] = [[]]
    for (const type of flow) {
      if (type === DUMMY_STAGE) continue
      const ways = oldStages.get(type)?.map((stage) => stage.type) ?? [type]
      old = old.flatMap((before) => ways.map((way) => [...before, way]))
    }
    return old.map((stages) => [...stages, PASSWORD_STAGE])
  })

/** Passed with the parameters of the account as its fact, once they are in order. */
const accountStage = (register: Register, serverName: ServerName): Stage => ({
  type: PASSWORD_STAGE,
  attempt: async ({ auth, ip }) => {
    const password = stringAt(auth, 'password')
    if (password === undefined) throw new MatrixError('M_MISSING_PARAM', 'password is missing')
    const user = stringAt(auth, 'user')
    const members = {
      ...(user === undefined ? {} : { username: localpartIn(user, serverName) }),
      password,
      ...Object.fromEntries(SESSION_MEMBERS.flatMap((name) => (auth[name] === undefined ? [] : [[name, auth[name]]]))),
    }
    await register.assertAcceptable(members, { ip: ip ?? '', userAgent: undefined })
    return { kind: 'passed', fact: { kind: 'account', members } }
  },
})

const SESSION_MEMBERS = ['device_id', 'initial_device_display_name', 'bind_email'] as const

/** "user_id or user localpart". */
const localpartIn = (user: string, serverName: ServerName): string => {
  const userId = parseUserId(user)
  return userId !== undefined && serverOf(userId) === serverName ? localpartOf(userId) : user
}
