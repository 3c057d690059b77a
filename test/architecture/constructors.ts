import { parseSync } from '@swc/core'
import type { SourceFile } from './sources.ts'

/** A constructor, and how many parts it takes: its parameters, or the members of the one object that it takes. */
export interface TakenParts {
  readonly path: string
  readonly className: string
  readonly parameters: number
  readonly parts: number
}

interface Node {
  readonly type: string
  readonly [key: string]: unknown
}

interface Declared {
  readonly members: number
  readonly extended: readonly string[]
}

const list = (value: unknown): readonly Node[] => (value ?? []) as readonly Node[]
const nameOf = (node: unknown): string => (node as { readonly value?: string } | undefined)?.value ?? ''

const declarationsIn = ({ text }: SourceFile): readonly Node[] => {
  const { body } = parseSync(text, { syntax: 'typescript', target: 'esnext' })
  return (body as unknown as readonly Node[]).map((item) =>
    item.type === 'ExportDeclaration' ? (item.declaration as Node) : item,
  )
}

const interfacesIn = (declarations: readonly Node[]): readonly (readonly [string, Declared])[] =>
  declarations
    .filter(({ type }) => type === 'TsInterfaceDeclaration')
    .map((node) => {
      const extended = list(node.extends).map(({ expression }) => nameOf(expression))
      return [nameOf(node.id), { members: list((node.body as Node).body).length, extended }]
    })

/** An interface of the same file goes before one of the same name elsewhere; 0 for one that is none of ours. */
const membersOf = (name: string, here: ReadonlyMap<string, Declared>, all: ReadonlyMap<string, Declared>): number => {
  const declared = here.get(name) ?? all.get(name)
  if (declared === undefined) return 0
  return declared.extended.reduce((sum, other) => sum + membersOf(other, here, all), declared.members)
}

/** The name of the type of a parameter, be it named or taken apart. */
const typeNameOf = (parameter: Node): string => {
  const pattern = (parameter.pat ?? parameter) as { readonly typeAnnotation?: { readonly typeAnnotation: Node } }
  return nameOf(pattern.typeAnnotation?.typeAnnotation.typeName)
}

export const constructorsIn = (files: readonly SourceFile[]): readonly TakenParts[] => {
  const parsed = files.map((file) => ({ path: file.path, declarations: declarationsIn(file) }))
  const all = new Map(parsed.flatMap(({ declarations }) => interfacesIn(declarations)))
  return parsed.flatMap(({ path, declarations }) => {
    const here = new Map(interfacesIn(declarations))
    return declarations.flatMap((node) => {
      if (node.type !== 'ClassDeclaration') return []
      const made = list(node.body).find(({ type }) => type === 'Constructor')
      if (made === undefined) return []
      const parameters = list(made.params)
      const [first] = parameters
      const inObject = parameters.length === 1 && first !== undefined ? membersOf(typeNameOf(first), here, all) : 0
      const parts = Math.max(parameters.length, inObject)
      return [{ path, className: nameOf(node.identifier), parameters: parameters.length, parts }]
    })
  })
}
