import type { Migration } from '../sql/engine/schema.ts'
import { createStreamsAndUsers } from './0001-create-streams-and-users.ts'

/** In the order in which they are done. */
export const MIGRATIONS: readonly Migration[] = [createStreamsAndUsers]
