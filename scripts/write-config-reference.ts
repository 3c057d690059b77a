// Writes docs/configuration.md from the table of settings; with --check it only says whether the page is up to date.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isRecordList, PLACES, type Place, type RecordListKind, SECTIONS } from '#config'

const file = fileURLToPath(new URL('../docs/configuration.md', import.meta.url))

const HEAD = `# Configuration

Written by \`node scripts/write-config-reference.ts\` from \`src/config/sections\`; do not edit.

A setting is taken from its flag, else from its environment variable, else from the YAML file (\`--config FILE\` or \`HOMEROOM_CONFIG\`),
else it has its default. \`homeroom check-config\` takes the same flags as \`homeroom start\` and reports everything that is wrong at once;
wrong settings end the program with exit code 78. Relative paths start at the folder the program was started in.

\`\`\`yaml
server:
  name: example.org
  publicBaseUrl: https://matrix.example.org
storage:
  database: postgres://homeroom:secret@localhost/homeroom
rateLimits:
  message: 50/10s
\`\`\`
`

const cell = (text: string): string => text.replaceAll('|', '\\|')

const defaultOf = (fallback: Place['setting']['fallback']): string => {
  if (fallback === undefined) return 'unset'
  return `\`${typeof fallback === 'object' ? JSON.stringify(fallback) : fallback}\``
}

const page = (): string => {
  const parts = [HEAD]
  for (const [section, { title }] of Object.entries(SECTIONS)) {
    parts.push(`## \`${section}\`: ${title}\n`)
    parts.push('| setting | flag and variable | default | meaning |\n| --- | --- | --- | --- |')
    for (const { key, environment, setting, reloads } of PLACES.filter((place) => place.section === section)) {
      const flag = setting.flag === undefined ? '' : `\`--${setting.flag}\` `
      const anew = reloads ? ' Taken anew on SIGHUP.' : ''
      const meaning = cell(`${setting.description} Expected: ${setting.kind.expects}.${anew}`)
      parts.push(`| \`${key}\` | ${flag}\`${environment}\` | ${defaultOf(setting.fallback)} | ${meaning} |`)
    }
    parts.push('')
    for (const { path, setting } of PLACES.filter((place) => place.section === section)) {
      if (isRecordList(setting.kind)) parts.push(...recordTable(path, setting.kind))
    }
  }
  return `${parts.join('\n').trimEnd()}\n`
}

/** What each record of a list is made of. */
const recordTable = (path: string, { fields }: RecordListKind<unknown>): readonly string[] => [
  `Each of \`${path}\`:\n`,
  '| setting | default | meaning |\n| --- | --- | --- |',
  ...Object.entries(fields).map(([key, { kind, fallback, required, description }]) => {
    const meaning = cell(`${description} Expected: ${kind.expects}.`)
    return `| \`${key}\` | ${required === true ? 'must be set' : defaultOf(fallback)} | ${meaning} |`
  }),
  '',
]

const wanted = page()
if (!process.argv.includes('--check')) writeFileSync(file, wanted)
else if (wanted !== readFileSync(file, 'utf8')) {
  console.error('docs/configuration.md is out of date: run node scripts/write-config-reference.ts')
  process.exitCode = 1
}
