export { People, type PeopleList, type PeopleQuestion } from './people.ts'
