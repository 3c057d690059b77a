import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What happens in its own time is waited for: on a loaded machine a second is little.
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
  },
})
