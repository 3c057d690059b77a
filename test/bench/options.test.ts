import { describe, expect, it } from 'vitest'
import { type Options, parseOptions } from '../../bench/run/options.ts'
import { scenarios } from '../../bench/scenarios/index.ts'

function optionsOf(line: string): Options {
  const parsed = parseOptions(line.split(' '))
  if (parsed.kind !== 'run') throw new Error(`refused: ${JSON.stringify(parsed)}`)
  return parsed.options
}

function refusalOf(line: string): string {
  const parsed = parseOptions(line === '' ? [] : line.split(' '))
  if (parsed.kind !== 'message') throw new Error(`accepted: ${JSON.stringify(parsed)}`)
  expect(parsed.exitCode).toBe(1)
  return parsed.text
}

describe('the arguments of the bench', () => {
  it('need only a target; the rest has defaults', () => {
    expect(optionsOf('--target http://127.0.0.1:8008/')).toMatchObject({
      targets: [{ label: 'A', url: 'http://127.0.0.1:8008', registration: { kind: 'open' }, pids: [] }],
      only: scenarios.map((scenario) => scenario.name),
      scale: 'full',
      seconds: 10,
      rounds: 1,
      limits: true,
    })
  })

  it('take two targets, by --against or by a second --target, and then measure three rounds', () => {
    const against = optionsOf(
      '--target http://a:1 --against http://b:2 --label ours --against-label theirs --against-pid 7,8',
    )
    expect(against.targets).toMatchObject([
      { label: 'ours', url: 'http://a:1', pids: [] },
      { label: 'theirs', url: 'http://b:2', pids: [7, 8] },
    ])
    expect(against.rounds).toBe(3)
    expect(optionsOf('--target http://a:1 --target http://b:2').targets.map((target) => target.label)).toEqual([
      'A',
      'B',
    ])
  })

  it('keep a shared secret to the target it is given for', () => {
    const { targets } = optionsOf(
      '--target http://a:1 --against http://b:2 --against-registration-shared-secret s3cret',
    )
    expect(targets.map((target) => target.registration)).toEqual([
      { kind: 'open' },
      { kind: 'shared-secret', secret: 's3cret' },
    ])
  })

  it('choose scenarios, length and output', () => {
    const chosen = optionsOf(
      '--target http://a:1 --only idle,first-sync --seconds 0.5 --no-limits --json o.json --server-cpu 0',
    )
    expect(chosen).toMatchObject({
      only: ['idle', 'first-sync'],
      seconds: 0.5,
      limits: false,
      json: 'o.json',
      serverCpu: 0,
    })
  })

  it.each([
    ['', '--target http://127.0.0.1:8008'],
    ['--target ftp://a', 'Expected a URL'],
    ['--target http://a:1 --target http://b:1 --target http://c:1', 'at most two'],
    ['--target http://a:1 --only nothing', 'Unknown: nothing'],
    ['--target http://a:1 --seconds 0', 'above 0'],
    ['--target http://a:1 --rounds 1.5', 'whole number from 1'],
    ['--target http://a:1 --pid 0', 'whole number from 1'],
    ['--target http://a:1 --scale huge', 'small or full'],
    ['--target http://a:1 --against-pid 5', 'second target'],
    ['--target http://a:1 --against http://b:1 --against-label A', 'different labels'],
    ['--target http://a:1 --wrong', 'unknown option'],
  ])('refuse %j and say why', (line, reason) => {
    expect(refusalOf(line)).toContain(reason)
  })

  it('answer --list without a target', () => {
    expect(parseOptions(['--list'])).toEqual({ kind: 'list' })
  })
})
