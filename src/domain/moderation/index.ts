export { type Redactor, UserRedaction, type UserRedactionOutcome } from './user-redaction.ts'
