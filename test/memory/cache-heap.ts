// Measures caches in a process of their own; the arguments are parts of their names, none for all. Prints a line of JSON for each.
import { CACHES } from './cache-cases.ts'
import { measure } from './measure.ts'

const MOST_ENTRIES = 2_000
const wanted = process.argv.slice(2)

for (const [name, make] of Object.entries(CACHES)) {
  if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue
  console.log(JSON.stringify({ name, ...(await measure(make(), MOST_ENTRIES)) }))
}
