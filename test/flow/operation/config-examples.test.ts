import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '#config'

const DOCS = new URL('../../../docs/', import.meta.url)

/** What the parts of a configuration on other pages lean on. */
const AROUND =
  'server:\n  publicBaseUrl: https://matrix.example.org\nmail:\n  smtpHost: mail.example.org\n  from: a@example.org\n'
const without = (around: string, text: string): string =>
  around.replaceAll(/^(\w+):\n(?: .*\n)+/gm, (section, name: string) =>
    new RegExp(`^${name}:`, 'm').test(text) ? '' : section,
  )

describe('the examples of a configuration in the documentation', () => {
  const pages = readdirSync(DOCS).filter((name) => name.endsWith('.md'))
  const examples = pages.flatMap((page) =>
    [...readFileSync(new URL(page, DOCS), 'utf8').matchAll(/^( *)```yaml\n([\s\S]*?)```/gm)].map(
      ([, indent = '', text = '']) => ({
        page,
        // Examples in lists are indented with these.
        text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      }),
    ),
  )

  it.each(examples)('of $page: the server would start with it', ({ page, text }) => {
    const whole = `${text}${without(AROUND, text)}`
    expect(loadConfig({ file: { name: page, text: whole } }).server.name).toMatch(/^(?:example\.org|localhost)$/)
  })

  it('are there', () => {
    expect(examples.map(({ page }) => page)).toContain('running.md')
  })
})
