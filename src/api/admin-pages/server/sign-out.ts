import { type PageHandler, seeOther, type VisitDeps } from '../visit.ts'

export const signOut: PageHandler<VisitDeps> = async ({ session }, { sessions }) => {
  await sessions.end(session.id)
  return seeOther('/account/sign-in?next=%2Fadmin', undefined, { 'Set-Cookie': sessions.goneCookie })
}
