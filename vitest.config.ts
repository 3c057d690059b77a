import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// The threads of each test's store are compiled once, not once a server.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('node_modules/.cache/homeroom-tests', import.meta.url))

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/template-databases.ts'],
    setupFiles: ['test/support/full-size-properties.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What happens in its own time is waited for: on a loaded machine a second is little.
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
    // Loading the server takes a second of computing; the files of one worker share it. No file may leave anything behind.
    isolate: false,
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
})
