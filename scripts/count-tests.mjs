// Reads vitest's JSON report and prints "PASSED FAILED" for the gate; names the failures on stderr, with their messages.
// Counted as failed, beside failed tests: a file that could not be loaded, no report or an empty one, and a test that was
// skipped because something is missing that the gate is to bring.
//
// Usage: count-tests.mjs REPORT           counts
//        count-tests.mjs REPORT AGAIN     counts; a test that failed in REPORT and passed in AGAIN is named as unsteady, and passed
//        count-tests.mjs --again REPORT   prints the files to run again: where few tests failed, those they are in

import { readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

/** What tests say in their name where they are skipped for want of it, and what the gate has. */
const BROUGHT_BY_GATE = /skipped: no (?:PostgreSQL|Chromium|Python)/
/** More failures than these have a reason in the code, not in the machine's pace. */
const MOST_TO_RUN_AGAIN = 3
const MESSAGE_LENGTH = 800

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return { testResults: [] }
  }
}

/** Answers with the number of passed tests, and the failures: file, name, message, and whether running it again may help. */
function read(report) {
  let passed = 0
  const failures = []
  for (const file of report.testResults) {
    const before = failures.length
    const fail = (name, message, again) => failures.push({ file: file.name, name, message, again })
    for (const test of file.assertionResults) {
      if (test.status === 'passed') passed += 1
      else if (test.status === 'failed') fail(test.fullName, test.failureMessages.join('\n'), true)
      else if (BROUGHT_BY_GATE.test(test.fullName)) fail(test.fullName, 'must not be skipped here', false)
    }
    if (file.status === 'failed' && failures.length === before) fail('the file', file.message || 'did not load', true)
  }
  if (passed === 0 && failures.length === 0)
    failures.push({ file: '', name: 'no test was run', message: '', again: false })
  return { passed, failures }
}

const passes = (report, { file, name }) => {
  const again = report.testResults.find((one) => one.name === file)
  if (again === undefined || again.status === 'failed') return false
  return (
    name === 'the file' || again.assertionResults.some((test) => test.fullName === name && test.status === 'passed')
  )
}

const tell = (word, { file, name, message }) => {
  const lines = stripVTControlCharacters(message).split('\n')
  const told = lines.filter((line) => !/^\s+at .*(?:node_modules|<anonymous>|node:)/.test(line)).join('\n    ')
  console.error(`${word}: ${file}: ${name}\n    ${told.slice(0, MESSAGE_LENGTH)}`)
}

const [first = '', second] = process.argv.slice(2)
if (first === '--again') {
  const { failures } = read(readReport(second))
  const worth = failures.length <= MOST_TO_RUN_AGAIN && failures.every(({ again }) => again)
  if (worth) for (const file of new Set(failures.map(({ file }) => file))) console.log(file)
} else {
  const { passed, failures } = read(readReport(first))
  const again = second === undefined ? { testResults: [] } : readReport(second)
  const unsteady = failures.filter((failure) => passes(again, failure))
  const failed = failures.filter((failure) => !unsteady.includes(failure))
  for (const failure of failed) tell('FAILED', failure)
  for (const failure of unsteady) tell('UNSTEADY (failed, and passed when its file was run again)', failure)
  console.log(`${passed + unsteady.length} ${failed.length}`)
}
