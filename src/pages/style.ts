import { accentsOf } from './colours.ts'

/** The look of every page we show: one column, light or dark as the browser prefers, from 320 px up. */
const STYLE = `
:root { color-scheme: light dark; --ink: #16211d; --soft: #52605a; --ground: #f6f7f4; --card: #fff; --line: #dde2dc; --edge: #7b8a82;
  --accent: #0b7a4b; --on-accent: #fff; --red: #b3261e; --red-ground: #fdecea; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ede9; --soft: #a0ada6; --ground: #111614; --card: #1a211e; --line: #2d3733; --edge: #74827b;
    --accent: #4cc38a; --on-accent: #0c1a13; --red: #ffb4ab; --red-ground: #3b1a17; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1rem; min-height: 100vh; display: grid; place-content: center; justify-items: center; grid-template-columns: 100%; background: var(--ground);
  color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
body > * { width: 100%; max-width: 34rem; }
header { margin-bottom: 1rem; }
header a { display: inline-flex; align-items: center; gap: .6rem; color: inherit; font-weight: 600; text-decoration: none; overflow-wrap: anywhere; }
header img { flex: none; display: block; max-width: 9rem; height: 2rem; object-fit: contain; }
main { padding: clamp(1.25rem, 6vw, 2.5rem); background: var(--card);
  border: 1px solid var(--line); border-radius: 1rem; }
p { margin: .75rem 0; overflow-wrap: anywhere; }
.state { margin: 0; color: var(--accent); font-weight: 600; }
.state::before { content: ""; display: inline-block; width: .6rem; height: .6rem; margin-right: .5rem; border-radius: 50%;
  background: var(--accent); }
h1 { margin: .25rem 0 0; font-size: clamp(1.5rem, 7vw, 2.25rem); line-height: 1.2; overflow-wrap: anywhere; text-wrap: balance; }
h1[tabindex] { outline: none; }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
ol, ul { margin: 0; padding-left: 1.25rem; }
li { margin: .4rem 0; overflow-wrap: anywhere; }
code { padding: .1rem .35rem; border-radius: .35rem; background: var(--ground); border: 1px solid var(--line);
  font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: var(--accent); }
footer { margin-top: 1rem; padding: 0 .25rem; color: var(--soft); font-size: .875rem; overflow-wrap: anywhere; }
footer ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; list-style: none; }
footer li { margin: 0; }
footer a { display: inline-block; padding: .25rem 0; }
.whole { white-space: nowrap; }
.ways { margin-top: 1.5rem; padding-top: .5rem; border-top: 1px solid var(--line); }
form { margin-top: 1.25rem; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; border: 1px solid var(--edge); border-radius: .5rem;
  background: var(--ground); color: inherit; font: inherit; }
input[aria-invalid] { border-color: var(--red); }
.choice { display: flex; gap: .75rem; align-items: center; font-weight: 400; }
.choice input { flex: none; width: 1.25rem; min-height: 1.25rem; margin: 0; accent-color: var(--accent); }
button, .button { width: 100%; min-height: 2.75rem; margin-top: 1.5rem; padding: .5rem 1.25rem; border: 0; border-radius: .5rem;
  background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600; cursor: pointer; }
.button { display: flex; align-items: center; justify-content: center; text-align: center; text-decoration: none; overflow-wrap: anywhere; }
.choices { margin-top: 1.5rem; padding: 0; list-style: none; }
.choices .button { margin-top: .75rem; border: 1px solid var(--edge); background: var(--ground); color: var(--ink); }
.hint { margin: .35rem 0 0; color: var(--soft); font-size: .875rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.refusal { margin: 1.25rem 0 0; padding: .75rem 1rem; border-left: 4px solid var(--red); border-radius: .25rem;
  background: var(--red-ground); color: var(--red); }
.g-recaptcha { min-height: 78px; margin-top: 1rem; }
[hidden] { display: none !important; }
button[disabled] { opacity: .6; cursor: progress; }
#frame { display: block; width: calc(100% + 12px); height: 24rem; margin: .5rem -6px 0; border: 0; }
.framed body { padding: 6px; min-height: 0; display: block; background: var(--card); }
.framed header, .framed footer, .framed .ways { display: none; }
.framed main { max-width: none; padding: 0; border: 0; }
.framed h1 { font-size: 1.25rem; }
`

/** The style with the operator's colour in place of ours. */
export const styleWith = (colour: string | undefined): string => {
  if (colour === undefined) return STYLE
  const { onLight, onDark } = accentsOf(colour)
  return `${STYLE}:root { --accent: ${onLight}; --on-accent: #fff; }
@media (prefers-color-scheme: dark) { :root { --accent: ${onDark}; --on-accent: #0c1a13; } }
`
}
