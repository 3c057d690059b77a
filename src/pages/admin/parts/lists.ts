import { type Html, html } from '../../html.ts'
import { type Choice, type Field, field } from './forms.ts'

export interface Column<Row> {
  readonly title: string
  /** The name by which the list is sorted by this column; without it, it is not. */
  readonly order?: string
  readonly kind?: 'number' | 'deed'
  cell(row: Row): Html | string
}

/** The state of a list, as its address has it. */
export interface ListState {
  readonly path: string
  readonly query: Readonly<Record<string, string>>
}

/** The address of the list with some of its state changed; undefined takes a member away. */
export const addressOf = (
  { path, query }: ListState,
  changes: Readonly<Record<string, string | undefined>>,
): string => {
  const members = Object.entries({ ...query, ...changes }).filter(
    (member): member is [string, string] => member[1] !== undefined && member[1] !== '',
  )
  return members.length === 0 ? path : `${path}?${new URLSearchParams(members).toString()}`
}

export interface ListView<Row> {
  readonly state: ListState
  /** The name of the table, for those who hear it. */
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  /** The search and the filters; without them there is no form. */
  readonly search?: string
  readonly filters?: readonly (Pick<Field, 'name' | 'label'> & { readonly choices: readonly Choice[] })[]
  /** The order when the address names none. */
  readonly order?: string
  readonly descending?: boolean
  /** How many there are in all, where that is known. */
  readonly total?: number
  readonly next?: string | undefined
  /** Said where there is no row. */
  readonly empty: string
  /** Whether the list can be had as a file. */
  readonly exports?: boolean
}

/** A list with all that belongs to it: search, filters, order, pages, export. */
export const listOf = <Row>(view: ListView<Row>): Html =>
  html`${formOf(view)}${
    view.rows.length === 0 ? html`<p class="empty">${view.empty}</p>` : html`${aboveOf(view)}${tableOf(view)}`
  }${pagerOf(view)}`

const ordersOf = <Row>({ columns }: ListView<Row>): readonly Choice[] =>
  columns.flatMap(({ order, title }) =>
    order === undefined
      ? []
      : [
          { value: order, title: `${title}, ascending` },
          { value: `-${order}`, title: `${title}, descending` },
        ],
  )

const currentOrder = <Row>({ state, order, descending = false }: ListView<Row>): string =>
  state.query.order ?? (order === undefined ? '' : `${descending ? '-' : ''}${order}`)

const formOf = <Row>(view: ListView<Row>): Html | undefined => {
  const { state, search, filters = [] } = view
  if (search === undefined && filters.length === 0) return undefined
  const orders = ordersOf(view)
  const order = field({ name: 'order', label: 'Sort by', choices: orders, value: currentOrder(view) })
  return html`<form class="filters" method="get" action="${state.path}" role="search">
${search === undefined ? undefined : html`<div class="search">${field({ name: 'q', label: search, kind: 'search', value: state.query.q, maxLength: 255 })}</div>\n`}${filters.map(
  (filter) => html`<div class="field">${field({ ...filter, value: state.query[filter.name] })}</div>\n`,
)}${orders.length === 0 ? undefined : html`<div class="field narrow">${order}</div>\n`}<button class="quiet">${search === undefined ? 'Show' : 'Search'}</button>
</form>`
}

const aboveOf = <Row>({ state, rows, total, exports = false }: ListView<Row>): Html => {
  const from = Number(state.query.from ?? 0)
  const isCounted = total !== undefined && Number.isSafeInteger(from)
  const words = isCounted
    ? `${(from + 1).toLocaleString('en')} to ${(from + rows.length).toLocaleString('en')} of ${total.toLocaleString('en')}`
    : ''
  const file = html`<a href="${addressOf({ ...state, path: `${state.path}/csv` }, { from: undefined, done: undefined })}">Export as CSV</a>`
  return html`<div class="above"><span>${words}</span>${exports ? file : undefined}</div>`
}

const headOf = <Row>(view: ListView<Row>, { title, order, kind }: Column<Row>): Html => {
  const number = kind === 'number' ? html` class="number"` : undefined
  if (kind === 'deed') return html`<th role="columnheader" scope="col"><span class="unseen">${title}</span></th>`
  if (order === undefined) return html`<th role="columnheader" scope="col"${number}>${title}</th>`
  const current = currentOrder(view)
  const isDown = current === `-${order}`
  const isUp = current === order
  const sorted = isUp ? html` aria-sort="ascending"` : isDown ? html` aria-sort="descending"` : undefined
  const href = addressOf(view.state, { order: isUp ? `-${order}` : order, from: undefined, done: undefined })
  return html`<th role="columnheader" scope="col"${number}${sorted}><a href="${href}">${title}${isUp ? ' ↑' : isDown ? ' ↓' : ''}</a></th>`
}

/** The roles are said as well, as a table whose rows become cards on a narrow screen would lose them. */
export const tableOf = <Row>(view: ListView<Row>): Html => {
  const { caption, columns, rows } = view
  const classOf = (kind: Column<Row>['kind'], index: number): string =>
    [index === 0 ? 'first' : '', kind ?? ''].join(' ').trim()
  return html`<table class="rows" role="table"><caption class="unseen">${caption}</caption>
<thead role="rowgroup"><tr role="row">${columns.map((column) => headOf(view, column))}</tr></thead>
<tbody role="rowgroup">
${rows.map(
  (row) =>
    html`<tr role="row">${columns.map(
      ({ title, kind, cell }, index) =>
        html`<td role="cell" class="${classOf(kind, index)}" data-label="${title}"><span>${cell(row)}</span></td>`,
    )}</tr>\n`,
)}</tbody></table>`
}

const pagerOf = <Row>({ state, next }: ListView<Row>): Html | undefined => {
  const first = state.query.from === undefined ? undefined : addressOf(state, { from: undefined, done: undefined })
  if (first === undefined && next === undefined) return undefined
  const more = next === undefined ? undefined : addressOf(state, { from: next, done: undefined })
  return html`<nav class="pager" aria-label="Pages of the list">${
    first === undefined ? undefined : html`<a class="button quiet" href="${first}">First page</a>`
  }${more === undefined ? undefined : html`<a class="button quiet" href="${more}" rel="next">Next page</a>`}</nav>`
}

/** Names and values of one thing. */
export const factsOf = (facts: readonly (readonly [name: string, value: Html | string] | undefined)[]): Html =>
  html`<dl>${facts
    .filter((fact) => fact !== undefined)
    .map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`
