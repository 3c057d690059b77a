export * from './account/index.ts'
export { type AccountPagesView, LOGIN_PAGE, PASSWORD_PAGE, REGISTER_PAGE } from './account-script.ts'
export * from './auth-fallback.ts'
export * from './email-stage.ts'
export * from './email-validation.ts'
export { html } from './html.ts'
export { endpointsIn, shownIn } from './html-page.ts'
export * from './landing-page.ts'
export { loginPage } from './login-page.ts'
export { ICON_PATH, iconSvg, LOGO_PATH, type Look, type LookSettings, lookOf } from './look.ts'
export * from './oauth/index.ts'
export { passwordPage } from './password-page.ts'
export { registerPage } from './register-page.ts'
export * from './sign-in.ts'
export { STAGE_FORMS, type StageForm } from './stage-forms.ts'
export * from './unknown-address.ts'

/** The pages of the administration; their code is loaded when somebody first asks for one. */
export const loadAdminPages = () => import('./admin/index.ts')
