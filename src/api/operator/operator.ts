import type { AdminActor } from '#domain'

/** Whoever runs the server, as the audit log names them. */
export const OPERATOR: AdminActor = { by: 'operator', via: 'command' }
