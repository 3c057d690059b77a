// Reads vitest's JSON report and prints "PASSED FAILED" for the gate; names the failures on stderr.
// Counted as failed, beside failed tests: a file that could not be loaded, no report or an empty one, and a test that was
// skipped because something is missing that the gate is to bring.

import { readFileSync } from 'node:fs'

/** What tests say in their name where they are skipped for want of it, and what the gate has. */
const BROUGHT_BY_GATE = /skipped: no (?:PostgreSQL|Chromium|Python)/

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return { testResults: [] }
  }
}

let passed = 0
const failures = []
for (const file of readReport(process.argv[2]).testResults) {
  const before = failures.length
  for (const test of file.assertionResults) {
    if (test.status === 'passed') passed += 1
    else if (test.status === 'failed') failures.push(`${file.name}: ${test.fullName}`)
    else if (BROUGHT_BY_GATE.test(test.fullName))
      failures.push(`${file.name}: ${test.fullName} (must not be skipped here)`)
  }
  if (file.status === 'failed' && failures.length === before)
    failures.push(`${file.name}: ${file.message || 'did not load'}`)
}
if (passed === 0 && failures.length === 0) failures.push('no test was run')

for (const failure of failures) console.error(`FAILED: ${failure}`)
console.log(`${passed} ${failures.length}`)
