export { AskProfiles, type AskProfilesParts } from './ask-profiles.ts'
export { MessageIndexing, type MessageIndexingParts } from './message-indexing.ts'
export { PeopleElsewhere, type PeopleElsewhereParts } from './people-elsewhere.ts'
export { type FormerNamesParts, formerNamesWork, type UserNamesParts, userNamesWork } from './user-names.ts'
