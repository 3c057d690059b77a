import type { Attack } from '../attack.ts'
import { edgeAttacks } from './edge.ts'
import { peopleAttacks } from './people.ts'
import { roomAttacks } from './rooms.ts'

export const attacks: readonly Attack[] = [...edgeAttacks, ...peopleAttacks, ...roomAttacks]
