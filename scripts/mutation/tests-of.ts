/**
 * The tests that look at each part of the code, in steps: the quick and near ones first, and the slow ones, of whole servers and of
 * simulated ones, for the mutants that those did not notice.
 */
const TESTS: readonly (readonly [string, readonly (readonly string[])[]])[] = [
  ['src/rules/auth', [['test/rules/auth']]],
  ['src/rules', [['test/rules']]],
  [
    'src/store/sql/engine',
    [
      ['test/contract/store-commit', 'test/contract/store-faults', 'test/contract/store-rooms'],
      ['test/contract/store', 'test/domain/room-turns'],
    ],
  ],
  [
    'src/store/sql/rooms',
    [
      ['test/contract/store-rooms', 'test/contract/store-state', 'test/contract/store-room-purges'],
      ['test/contract/store-commit', 'test/flow/rooms/purge', 'test/simulation'],
    ],
  ],
  ['src/domain/rooms', [['test/domain/room'], ['test/flow/rooms'], ['test/simulation', 'test/flow/privacy']]],
  [
    'src/domain/devices',
    [
      ['test/flow/accounts/devices', 'test/flow/accounts/log', 'test/flow/accounts/token'],
      ['test/flow/accounts'],
      ['test/flow/privacy'],
    ],
  ],
  ['src/domain/uia', [['test/domain/uia'], ['test/flow/accounts'], ['test/flow/sign-in']]],
  [
    'src/views',
    [
      ['test/flow/rooms/history', 'test/flow/privacy/leaving'],
      ['test/simulation'],
      ['test/flow/rooms', 'test/flow/privacy', 'test/flow/sync'],
    ],
  ],
]

/** Steps of parts of paths of test files, for the source file at that path. */
export const testsOf = (path: string): readonly (readonly string[])[] => {
  const found = TESTS.find(([start]) => path.startsWith(start))
  if (found === undefined) throw new Error(`no tests are listed for ${path}: name them with --tests`)
  return found[1]
}
