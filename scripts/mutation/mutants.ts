import { parseSync } from '@swc/core'

/** One small change of a source text that some test should notice. */
export interface Mutant {
  readonly line: number
  /** In words: what became of what. */
  readonly change: string
  /** The whole text with the change in it. */
  readonly text: string
}

interface Span {
  readonly start: number
  readonly end: number
}

interface SyntaxNode {
  readonly type: string
  readonly span: Span
  readonly [key: string]: unknown
}

interface Edit {
  readonly at: Span
  /** Where a reader finds it; the start of `at` where nothing else is said. */
  readonly from?: number
  readonly by: string
  readonly change: string
}

/** The text of any part of the source, by its span. */
type TextOf = (span: Span) => string

const OPERATORS: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '&&': '||',
  '||': '&&',
  '??': '&&',
  '+': '-',
  '-': '+',
  '*': '/',
}
const ASSIGNMENTS: Readonly<Record<string, string>> = { '+=': '-=', '-=': '+=' }
/** Methods that answer the opposite, or something else of the same type. */
const METHODS: Readonly<Record<string, string>> = {
  some: 'every',
  every: 'some',
  max: 'min',
  min: 'max',
  findLast: 'find',
  findLastIndex: 'findIndex',
  toReversed: 'slice',
}
/** Words of queries. */
const QUERY_WORDS: Readonly<Record<string, string>> = {
  '=': '!=',
  '!=': '=',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  in: 'not in',
  'not in': 'in',
  asc: 'desc',
  desc: 'asc',
}

const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === 'object' && value !== null && 'type' in value && 'span' in value

const nodesIn = function* (
  value: unknown,
  within: readonly SyntaxNode[],
): Generator<[SyntaxNode, readonly SyntaxNode[]]> {
  if (Array.isArray(value)) {
    for (const item of value) yield* nodesIn(item, within)
    return
  }
  if (typeof value !== 'object' || value === null) return
  const inside = isNode(value) ? [...within, value] : within
  if (isNode(value)) yield [value, within]
  for (const [key, part] of Object.entries(value)) if (key !== 'span') yield* nodesIn(part, inside)
}

/** Types, imports and log lines are nothing that runs, or nothing that matters. */
const SKIPPED = /^(Ts|Import|Export(All|Named))/

type Find = (node: SyntaxNode, text: TextOf, within: readonly SyntaxNode[]) => readonly Edit[]

const negated: Find = (node, text) => {
  if (node.type !== 'IfStatement' && node.type !== 'ConditionalExpression') return []
  const test = node.test as SyntaxNode
  return [{ at: test.span, by: `!(${text(test.span)})`, change: `condition negated: ${text(test.span)}` }]
}

const operator: Find = (node, text) => {
  const isBinary = node.type === 'BinaryExpression'
  if (!isBinary && node.type !== 'AssignmentExpression') return []
  const before = node.operator as string
  const after = (isBinary ? OPERATORS : ASSIGNMENTS)[before]
  if (after === undefined) return []
  const [left, right] = [node.left as SyntaxNode, node.right as SyntaxNode]
  // Parenthesised, as ?? and && may not stand side by side.
  const by = `(${text(left.span)}) ${after} (${text(right.span)})`
  return [
    {
      at: node.span,
      by: isBinary ? `(${by})` : `${text(left.span)} ${after} ${text(right.span)}`,
      change: `${before} became ${after}: ${text(node.span)}`,
    },
  ]
}

const literal: Find = (node, text, within) => {
  if (node.type === 'BooleanLiteral') {
    const by = node.value === true ? 'false' : 'true'
    return [{ at: node.span, by, change: `${text(node.span)} became ${by}` }]
  }
  if (node.type === 'NumericLiteral')
    return [{ at: node.span, by: `(${text(node.span)} + 1)`, change: `${text(node.span)} became one more` }]
  const isArgument = within.at(-1)?.type === 'CallExpression'
  const word = node.type === 'StringLiteral' && isArgument ? QUERY_WORDS[node.value as string] : undefined
  return word === undefined ? [] : [{ at: node.span, by: `'${word}'`, change: `${text(node.span)} became '${word}'` }]
}

const removed: Find = (node, text, within) => {
  const removable = node.type === 'ExpressionStatement' || node.type === 'ThrowStatement'
  const isEarly = node.type === 'ReturnStatement' && within.some(({ type }) => type === 'IfStatement')
  return removable || isEarly ? [{ at: node.span, by: ';', change: `removed: ${text(node.span)}` }] : []
}

const notAwaited: Find = (node, text) => {
  if (node.type !== 'AwaitExpression') return []
  const argument = node.argument as SyntaxNode
  return [{ at: node.span, by: `(${text(argument.span)})`, change: `not awaited: ${text(node.span)}` }]
}

const called: Find = (node, text) => {
  if (node.type !== 'CallExpression') return []
  const callee = node.callee as SyntaxNode
  const args = (node.arguments as readonly { readonly expression: SyntaxNode }[]).map(({ expression }) => expression)
  const edits: Edit[] = []
  if (callee.type === 'MemberExpression') {
    const [object, property] = [callee.object as SyntaxNode, callee.property as SyntaxNode]
    const name = property.type === 'Identifier' ? (property.value as string) : ''
    const other = METHODS[name]
    if (other !== undefined)
      edits.push({ at: property.span, by: other, change: `${name} became ${other}: ${text(node.span)}` })
    if (name.startsWith('where'))
      edits.push({
        at: node.span,
        from: property.span.start,
        by: text(object.span),
        change: `left out: .${text({ start: property.span.start, end: node.span.end })}`,
      })
  }
  const [first, second] = args
  const areNames = args.length === 2 && args.every(({ type }) => type === 'Identifier')
  if (first !== undefined && second !== undefined && areNames) {
    const at = { start: first.span.start, end: second.span.end }
    edits.push({ at, by: `${text(second.span)}, ${text(first.span)}`, change: `arguments swapped: ${text(node.span)}` })
  }
  return edits
}

const FINDS: readonly Find[] = [negated, operator, literal, removed, notAwaited, called]

/** All mutants of a TypeScript source, in the order of the text. */
export const mutantsOf = (source: string): readonly Mutant[] => {
  // The parser counts bytes from wherever its last text ended; the first statement tells where this one begins.
  const bytes = Buffer.from(`;${source}`)
  const module = parseSync(bytes.toString(), { syntax: 'typescript', target: 'esnext' })
  const base = module.body[0]?.span.start ?? 0
  const slice = (start: number, end: number): string => bytes.subarray(start - base, end - base).toString()
  const textOf: TextOf = ({ start, end }) => slice(start, end)
  const edits: Edit[] = []
  for (const [node, within] of nodesIn(module.body.slice(1), [])) {
    if (SKIPPED.test(node.type) || within.some(({ type }) => SKIPPED.test(type))) continue
    for (const find of FINDS) edits.push(...find(node, textOf, within))
  }
  return edits
    .toSorted((one, other) => one.at.start - other.at.start)
    .map(({ at, from = at.start, by, change }) => ({
      line: slice(base, from).split('\n').length,
      change: change.replaceAll(/\s+/g, ' ').slice(0, 160),
      text: slice(base + 1, at.start) + by + slice(at.end, base + bytes.length),
    }))
}
