/** Describes an operation of user-interactive authentication to people: completes "An app wants to …". */
export const deedOf = (operation: string): string => {
  if (operation.startsWith('POST /register')) return 'make an account on this server'
  if (operation.includes('/deactivate')) return 'close your account for ever'
  if (operation.includes('devices')) return 'sign out and remove devices of your account'
  if (operation.includes('/password')) return 'change the password of your account'
  if (operation.includes('/3pid')) return 'change the addresses of your account'
  if (operation.includes('/get_token')) return 'sign in another device to your account'
  return operation.startsWith('POST /login') ? 'sign in to your account' : 'change something about your account'
}

/** The pages of a session's stages need its id only, and the person who began it can send the id to anybody. */
export const UNEXPECTED =
  'If somebody sent you here, or you did not expect this, close this window: they want your account.'
