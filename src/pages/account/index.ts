export {
  ACCOUNT_PAGE,
  ACCOUNT_SIGN_IN_PAGE,
  ACCOUNT_SIGN_OUT_PAGE,
  accountRefusedPage,
  accountReply,
  csrfField,
  goOnByItself,
  type Refusal,
} from './account-page.ts'
export { type AccountHomeView, accountHomePage } from './home-page.ts'
export * from './provider-pages.ts'
export { type AccountSignInView, accountSignInPage } from './sign-in-page.ts'
export * from './sign-up-pages.ts'
