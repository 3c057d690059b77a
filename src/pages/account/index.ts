export {
  ACCOUNT_APPS_PAGE,
  ACCOUNT_CLOSE_PAGE,
  ACCOUNT_DEVICES_PAGE,
  ACCOUNT_EMAILS_PAGE,
  ACCOUNT_PAGE,
  ACCOUNT_PASSWORD_PAGE,
  ACCOUNT_PROFILE_PAGE,
  ACCOUNT_PROVIDERS_PAGE,
  ACCOUNT_RESET_PAGE,
  ACCOUNT_SIGN_IN_PAGE,
  ACCOUNT_SIGN_OUT_PAGE,
  accountRefusedPage,
  accountReply,
  goOnByItself,
  type Refusal,
} from './account-page.ts'
export { appsPage } from './app-pages.ts'
export { devicePage, devicesPage } from './device-pages.ts'
export { accountHomePage } from './home-page.ts'
export {
  closedPage,
  closePage,
  emailCodePage,
  emailsPage,
  ownPasswordPage,
  profilePage,
  resetPage,
} from './own-pages.ts'
export * from './provider-pages.ts'
export { type AccountSignInView, accountSignInPage } from './sign-in-page.ts'
export * from './sign-up-pages.ts'
