export {
  backToAppPage,
  type ConsentView,
  consentPage,
  lostRequestPage,
  type ReceiverView,
  refusedRequestPage,
  silentRequestPage,
} from './consent-page.ts'
export { type DeviceCodeView, decidedPage, deviceCodePage, WRONG_CODE } from './device-code-page.ts'
export { type LegacyLoginView, legacyLoginPage } from './legacy-login-page.ts'
