export { MessageIndexing, type MessageIndexingParts } from './message-indexing.ts'
