import { Type } from 'typebox'

export const UserPath = Type.Object({ userId: Type.String({ maxLength: 1_024 }) })
