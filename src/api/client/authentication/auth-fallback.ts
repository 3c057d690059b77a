import { Type } from 'typebox'
import {
  EMAIL_STAGE,
  type InteractiveAuth,
  OAUTH_STAGE,
  OAUTH_STAGE_OF_PROPOSAL,
  OAUTH2_STAGE,
  type OwnMail,
  SSO_STAGE,
  type StageState,
} from '#domain'
import { type AnyEndpoint, type CustomReply, endpoint, type FormFields, none, oldPaths, v3 } from '#http'
import {
  ACCOUNT_RESET_PAGE,
  captchaSources,
  donePage,
  type Notice,
  noticePage,
  refusedPage,
  STAGE_FORMS,
  type StageForm,
  stagePage,
} from '#pages'
import { EmailStagePages } from './email-stage.ts'
import { deedOf, UNEXPECTED } from './operation-words.ts'
import { type CookieRequest, redirect, type SignInDeps, SignInPages } from './sign-in.ts'
import { attemptStage } from './stage-attempt.ts'

export interface AuthFallbackDeps {
  readonly uia: InteractiveAuth
  readonly signInPages: SignInDeps
  readonly captchaScript: string
  /** undefined: this server sends no mail. */
  readonly ownMail: OwnMail | undefined
}

const PATH = '/auth/:authType/fallback/web'
const PATHS: readonly [string, ...string[]] = [...v3(PATH), oldPaths(PATH)[1]]

const Params = Type.Object({ authType: Type.String() })
const Query = Type.Object({
  session: Type.Optional(Type.String({ maxLength: 255 })),
  /** Text that the field of the stage for an e-mail address begins with. */
  email: Type.Optional(Type.String({ maxLength: 254 })),
})

const NO_SESSION: Notice = {
  status: 400,
  title: 'Something is missing',
  text: 'The address of this page does not say which session it belongs to. Open it again from your app.',
}
const SESSION_ENDED: Notice = {
  status: 404,
  title: 'This session has ended',
  text: 'It took too long, or it was completed before. Go back to your app and begin again.',
}
const NOT_ASKED: Notice = {
  status: 404,
  title: 'Nothing to do here',
  text: 'Your app did not ask for this step. Go back to it and begin again.',
}
const NOT_YET: Notice = {
  status: 409,
  title: 'Another step comes first',
  text: 'Go back to your app and complete the step before this one.',
}
const unknownStage = (type: string): Notice => ({
  status: 404,
  title: 'This step is unknown',
  text: `This server has no step of the kind “${type.slice(0, 100)}”. Go back to your app and choose another way.`,
})

type ClosedKind = Exclude<StageState['kind'], 'open'>

/** Thrown where a stage cannot be done on this page now. */
const closedPage = (kind: ClosedKind): CustomReply => {
  switch (kind) {
    case 'noSession':
      return noticePage(SESSION_ENDED)
    case 'notAsked':
      return noticePage(NOT_ASKED)
    case 'notYet':
      return noticePage(NOT_YET)
    case 'passed':
      return donePage()
  }
}

const IDENTITY_STAGES: ReadonlySet<string> = new Set([OAUTH2_STAGE, SSO_STAGE])

/** The stage with two pages: one for the address, one for the code that was sent there. */
const emailStage =
  (uia: InteractiveAuth, pages: EmailStagePages) =>
  async (
    session: string | undefined,
    given: { readonly email?: string | undefined; readonly posted?: { fields: FormFields; ip: string } },
  ): Promise<CustomReply> => {
    if (session === undefined) return noticePage(NO_SESSION)
    const state = await uia.stageState(session, EMAIL_STAGE)
    if (state.kind !== 'open') return closedPage(state.kind)
    const { email, posted } = given
    if (posted === undefined) return pages.begin(state.operation, email)
    return (await pages.continue({ session, operation: state.operation, ...posted })) ?? donePage()
  }

interface Attempted {
  readonly fields: FormFields
  readonly refusal: string
  readonly status: number
}

const formPage = (
  form: StageForm,
  { params, requester, operation }: StageState & { readonly kind: 'open' },
  attempted: Attempted | undefined,
  captchaScript: string,
): CustomReply => {
  const view = {
    params,
    requester,
    fields: attempted?.fields ?? new Map<string, string>(),
    refused: attempted !== undefined,
  }
  const asks = form.consents === true
  return stagePage(
    {
      form: asks ? { ...form, lead: `An app wants to ${deedOf(operation)}. ${form.lead}` } : form,
      status: attempted?.status ?? 200,
      refusal: attempted?.refusal,
      content: form.content?.(view),
      warning: asks ? UNEXPECTED : undefined,
    },
    form.captcha === true ? captchaSources(captchaScript) : undefined,
  )
}

/** The pages of "Fallback", which no file of the official data has. */
export const authFallbackEndpoints = ({
  uia,
  captchaScript,
  signInPages,
  ownMail,
}: AuthFallbackDeps): readonly AnyEndpoint[] => {
  const pages = new SignInPages(signInPages)

  /** The stages that are done at a provider: the page says what the operation is, and links to the provider. */
  const showProviders = async (
    type: string,
    session: string | undefined,
    request: CookieRequest,
  ): Promise<CustomReply> => {
    if (session === undefined) return noticePage(NO_SESSION)
    const state = await uia.stageState(session, type)
    if (state.kind !== 'open') return closedPage(state.kind)
    return pages.stageChoice(signInPages.identityStages.choice(session, type, state.operation), state, request)
  }
  const showEmail = emailStage(uia, new EmailStagePages(uia, ownMail))
  const show = async (type: string, session: string | undefined, attempted?: Attempted): Promise<CustomReply> => {
    const form = STAGE_FORMS.get(type)
    if (form === undefined) return noticePage(unknownStage(type))
    if (session === undefined) return noticePage(NO_SESSION)
    const state = await uia.stageState(session, type)
    if (state.kind !== 'open') return closedPage(state.kind)
    return formPage(form, state, attempted, captchaScript)
  }

  return [
    endpoint({
      method: 'GET',
      paths: PATHS,
      auth: none(),
      rateLimit: 'other',
      params: Params,
      query: Query,
      errorPage: refusedPage,
      handler: async (request) => {
        const { authType } = request.params
        const { session, email } = request.query
        if (authType === EMAIL_STAGE) return showEmail(session, { email })
        if (authType === OAUTH_STAGE || authType === OAUTH_STAGE_OF_PROPOSAL) return redirect(ACCOUNT_RESET_PAGE)
        return IDENTITY_STAGES.has(authType) ? showProviders(authType, session, request) : show(authType, session)
      },
    }),
    endpoint({
      method: 'POST',
      paths: PATHS,
      auth: none(),
      rateLimit: 'login',
      params: Params,
      query: Query,
      body: 'form',
      errorPage: refusedPage,
      handler: async ({ params: { authType }, query: { session }, body: fields, ip }) => {
        if (authType === EMAIL_STAGE) return showEmail(session, { posted: { fields, ip } })
        const form = STAGE_FORMS.get(authType)
        if (form === undefined || session === undefined) return show(authType, session)
        if ((await uia.stageState(session, authType)).kind !== 'open') {
          return show(authType, session)
        }
        const auth = form.auth(fields)
        if (typeof auth === 'string') return show(authType, session, { fields, refusal: auth, status: 400 })
        const refused = await attemptStage(uia, session, authType, auth, ip)
        if (refused === undefined) return show(authType, session)
        return show(authType, session, { fields, refusal: refused.text, status: refused.status })
      },
    }),
  ]
}
