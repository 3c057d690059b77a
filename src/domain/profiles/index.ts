export {
  isMemberKey,
  type MemberFields,
  type ProfileAccounts,
  type ProfileOwner,
  Profiles,
} from './profiles.ts'
