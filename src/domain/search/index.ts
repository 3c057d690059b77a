export { MessageIndexing, type MessageIndexingParts } from './message-indexing.ts'
export { type UserNamesParts, userNamesWork } from './user-names.ts'
