import { dirname } from 'node:path/posix'
import type { CruisedModule } from '../../scripts/cruise.ts'

/**
 * Files beside subfolders that stand both above and below them: they import a file in a subfolder, and a file in a subfolder imports
 * them, directly or by way of other files beside the subfolders. Such a file makes a circle between a folder and its own parts, which
 * a rule about circles of folders does not see.
 */
export const filesOnBothSides = (modules: readonly Pick<CruisedModule, 'source' | 'dependencies'>[]): string[] => {
  const imports = new Map(
    modules.map(({ source, dependencies }) => [source, dependencies.map(({ resolved }) => resolved)]),
  )
  const folders = new Set([...imports.keys()].map((file) => dirname(file)))
  return [...folders].flatMap((folder) => {
    const beside = new Set([...imports.keys()].filter((file) => dirname(file) === folder))
    const isInSubfolder = (file: string): boolean => file.startsWith(`${folder}/`) && dirname(file) !== folder
    const importedBelow = [...imports].flatMap(([file, targets]) => (isInSubfolder(file) ? targets : []))
    const below = new Set(importedBelow.filter((file) => beside.has(file)))
    // A set grows while it is walked: what these files import beside the subfolders stands below too.
    for (const file of below) {
      for (const target of imports.get(file) ?? []) if (beside.has(target)) below.add(target)
    }
    return [...below].filter((file) => imports.get(file)?.some(isInSubfolder))
  })
}
