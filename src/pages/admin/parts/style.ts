import { PageStyle } from '../../html-page.ts'

/** Changes of the administration pages to the look that all pages share: the whole width, a menu, dense lists, charts. */
export const ADMIN_STYLE = new PageStyle(`
:root { --good: #0b6b42; --good-ground: #e3f3ea; --calm-ground: #eaeeea; --row: #f2f5f1; --grid: #e6eae5; }
@media (prefers-color-scheme: dark) { :root { --good: #7ddcae; --good-ground: #15301f; --calm-ground: #29332e; --row: #1e2723; --grid: #2a342f; } }
body { padding: 0; align-content: start; place-content: stretch; justify-items: stretch; grid-template-rows: auto auto 1fr auto; font-size: .9375rem; line-height: 1.5; }
body > * { max-width: none; }
body > header { margin: 0; padding: .7rem 1rem; border-bottom: 1px solid var(--line); background: var(--card); }
body > main { padding: 1rem; border: 0; border-radius: 0; background: none; min-width: 0; }
body > footer { margin: 0; padding: .75rem 1rem 1.5rem; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: .5rem; top: .5rem; z-index: 1; width: auto; padding: .5rem 1rem; border-radius: .5rem; background: var(--card); }
.menu { border-bottom: 1px solid var(--line); background: var(--card); }
.menu summary { padding: .65rem 1rem; font-weight: 600; cursor: pointer; }
.menu nav { padding: 0 .5rem .75rem; }
.side { display: none; }
nav ul { padding: 0; list-style: none; }
nav li { margin: 0; }
nav li a { display: block; padding: .45rem .75rem; border-radius: .5rem; color: inherit; text-decoration: none; }
nav li a:hover { background: var(--row); }
nav a[aria-current] { background: var(--good-ground); color: var(--good); font-weight: 600; }
nav .who { margin: .75rem 0 0; padding: .75rem .75rem 0; border-top: 1px solid var(--line); color: var(--soft); font-size: .8125rem; overflow-wrap: anywhere; }
nav form { margin: .5rem .75rem 0; }
@media (min-width: 60rem) {
  body { grid-template-columns: 14rem minmax(0, 1fr); grid-template-rows: auto 1fr auto; }
  body > header { grid-column: 1 / -1; padding: .7rem 1.25rem; }
  .menu { display: none; }
  .side { display: block; grid-column: 1; grid-row: 2 / 4; padding: 1rem .5rem; border-right: 1px solid var(--line); background: var(--card); }
  body > main { grid-column: 2; padding: 1.5rem 2rem; max-width: 84rem; }
  body > footer { grid-column: 2; padding: .75rem 2rem 1.5rem; }
}
h1 { margin: 0; font-size: 1.5rem; }
h2 { margin: 2rem 0 .5rem; font-size: 1.0625rem; }
p { margin: .5rem 0; }
.lead { color: var(--soft); max-width: 48rem; }
.crumbs { margin: 0 0 .25rem; font-size: .8125rem; }
.notice { margin: 0 0 1rem; padding: .6rem .9rem; border-left: 4px solid var(--good); border-radius: .25rem; background: var(--good-ground); color: var(--good); }
.refusal { margin: 0 0 1rem; padding: .6rem .9rem; }
.none { color: var(--soft); }
.id { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
.tag { display: inline-block; padding: 0 .5rem; border-radius: 1rem; background: var(--calm-ground); font-size: .8125rem; white-space: nowrap; }
.tag.good { background: var(--good-ground); color: var(--good); }
.tag.bad { background: var(--red-ground); color: var(--red); }
form { margin-top: .75rem; }
label { margin: .75rem 0 .2rem; }
input, select, textarea { display: block; width: 100%; max-width: 32rem; min-height: 2.4rem; padding: .35rem .6rem; border: 1px solid var(--edge); border-radius: .5rem; background: var(--card); color: inherit; font: inherit; }
textarea { min-height: 5rem; }
input[type=checkbox] { width: 1.25rem; }
button, .button { width: auto; min-height: 2.4rem; margin: .75rem 0 0; padding: .35rem 1rem; }
.button { display: inline-flex; }
.quiet { border: 1px solid var(--edge); background: var(--card); color: var(--ink); font-weight: 400; }
.danger { border: 1px solid var(--red); background: var(--card); color: var(--red); }
.final { background: var(--red); color: var(--card); }
.deeds { display: flex; flex-wrap: wrap; gap: .5rem; margin: .75rem 0; }
.deeds form, .deeds button, .deeds .button { margin: 0; }
.inline { display: inline; }
.inline button { min-height: 1.9rem; margin: 0; padding: .1rem .6rem; font-size: .8125rem; }
.filters { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin: 1rem 0 .75rem; }
.filters label { margin: 0; font-weight: 400; font-size: .8125rem; color: var(--soft); }
.filters .field { flex: 1 1 9rem; max-width: 16rem; }
.filters .search { flex: 3 1 14rem; max-width: 26rem; }
.filters button { margin: 0; }
.above { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; justify-content: space-between; margin: 1rem 0 .4rem; color: var(--soft); font-size: .8125rem; }
table { width: 100%; border-collapse: separate; border-spacing: 0; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
caption { text-align: left; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
th { padding: .45rem .75rem; border-bottom: 1px solid var(--line); color: var(--soft); font-size: .8125rem; font-weight: 600; text-align: left; vertical-align: bottom; white-space: nowrap; }
th a { color: inherit; text-decoration: none; }
th a:hover { text-decoration: underline; }
td { padding: .4rem .75rem; border-bottom: 1px solid var(--grid); vertical-align: top; overflow-wrap: anywhere; }
td time { white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
tbody tr:hover { background: var(--row); }
tbody tr:last-child td:first-child { border-bottom-left-radius: .5rem; }
tbody tr:last-child td:last-child { border-bottom-right-radius: .5rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.pager { display: flex; flex-wrap: wrap; gap: .5rem; margin: .75rem 0; }
.pager .button { margin: 0; }
.empty { padding: 2rem 1rem; border: 1px dashed var(--line); border-radius: .5rem; color: var(--soft); text-align: center; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) minmax(0, 1fr); margin: .75rem 0; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); }
dt, dd { margin: 0; padding: .4rem .75rem; border-top: 1px solid var(--grid); overflow-wrap: anywhere; }
dt { color: var(--soft); }
dt:first-of-type, dd:first-of-type { border-top: 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: .75rem; margin: 1rem 0; padding: 0; list-style: none; }
.charts li { margin: 0; padding: .75rem .9rem .6rem; border: 1px solid var(--line); border-radius: .75rem; background: var(--card); }
.charts h2 { margin: 0; color: var(--soft); font-size: .8125rem; font-weight: 600; }
.charts .value { margin: 0; font-size: 1.375rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.charts .range { display: flex; justify-content: space-between; margin: 0; color: var(--soft); font-size: .75rem; }
.charts svg { display: block; width: 100%; height: 3.5rem; margin: .25rem 0; overflow: visible; }
.charts .line { fill: none; stroke: var(--accent); stroke-width: 1.75; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.charts .area { fill: var(--accent); opacity: .13; }
.charts .ground { stroke: var(--line); vector-effect: non-scaling-stroke; }
ul.members { padding: 0; list-style: none; }
ul.members li { margin: 0; }
.small { min-height: 1.9rem; padding: .1rem .6rem; font-size: .8125rem; }
td .deeds { margin: 0; }
ul.plain { padding: 0; list-style: none; }
pre { max-height: 24rem; margin: .5rem 0; padding: .75rem; overflow: auto; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); font: .8125rem/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
details.more summary { cursor: pointer; color: var(--accent); }
@media (max-width: 44rem) {
  table.rows, .rows tbody, .rows tr, .rows td { display: block; width: 100%; }
  .rows thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .rows tr { padding: .5rem .75rem; border-bottom: 1px solid var(--line); }
  .rows tbody tr:last-child { border-bottom: 0; }
  .rows td { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); gap: .5rem; padding: .15rem 0; border: 0; text-align: left; }
  .rows td::before { content: attr(data-label); color: var(--soft); font-size: .8125rem; }
  .rows td.first { display: block; font-weight: 600; }
  .rows td.first::before, .rows td.deed::before { content: none; }
  .rows td.deed { display: block; padding-top: .4rem; }
  dl { grid-template-columns: minmax(0, 1fr); }
  .charts { grid-template-columns: repeat(auto-fill, minmax(min(100%, 9rem), 1fr)); gap: .5rem; }
  .charts li { padding: .6rem .7rem .5rem; }
  .charts svg { height: 2.5rem; }
  .charts .range span:first-child { display: none; }
  dd { border-top: 0; padding-top: 0; }
  dt { padding-bottom: 0; }
}
@media (min-width: 44.01rem) { .narrow { display: none; } .id.short { white-space: nowrap; } }
`)
