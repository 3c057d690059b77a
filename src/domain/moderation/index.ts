export * from './shadow-ids.ts'
export { type Redactor, UserRedaction, type UserRedactionOutcome } from './user-redaction.ts'
