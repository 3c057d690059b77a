import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const repositoryRoot = fileURLToPath(new URL('../', import.meta.url))

export interface Violation {
  readonly rule: string
  readonly from: string
  readonly to: string
}

export interface CruisedModule {
  readonly source: string
  readonly dependencies: readonly { readonly resolved: string; readonly dependencyTypes: readonly string[] }[]
}

export interface Cruise {
  readonly modules: readonly CruisedModule[]
  readonly violations: readonly Violation[]
}

interface Report {
  readonly modules: readonly CruisedModule[]
  readonly summary: {
    readonly violations: readonly {
      readonly from: string
      readonly to: string
      readonly rule: { readonly name: string }
    }[]
  }
}

/** Runs dependency-cruiser with the repository's own rules over `src` below `folder`. Throws where it could not run. */
export function cruise(folder: string): Cruise {
  const command = `${repositoryRoot}node_modules/dependency-cruiser/bin/dependency-cruise.mjs`
  const config = `${repositoryRoot}.dependency-cruiser.cjs`
  const run = spawnSync(process.execPath, [command, '--config', config, '--output-type', 'json', 'src'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  // With violations the exit code is their count, and the report is there all the same.
  if (!run.stdout.startsWith('{')) throw new Error(`dependency-cruiser failed: ${run.stderr || run.error?.message}`)
  const report = JSON.parse(run.stdout) as Report
  return {
    modules: report.modules.filter((module) => module.source.startsWith('src/')),
    violations: report.summary.violations.map(({ from, to, rule }) => ({ rule: rule.name, from, to })),
  }
}
