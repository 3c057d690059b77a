export { CompleteRooms } from './complete-rooms.ts'
export { WholeRooms } from './whole-rooms.ts'
