/** The look of `/docs`: plain, readable, in the reader's own light or dark. */
export const docsStyle = `:root {
  color-scheme: light dark;
  --text: light-dark(#1c1b1a, #e8e6e3);
  --soft: light-dark(#6b6762, #9d9890);
  --line: light-dark(#e3dfd9, #35322e);
  --page: light-dark(#fdfcfa, #161513);
  --code: light-dark(#f4f1ec, #211f1c);
  --mark: light-dark(#8a4b12, #e0a468);
}
* { box-sizing: border-box }
html { scroll-padding-top: 1rem }
body {
  margin: 0 auto; max-width: 76rem; padding: 2rem 1.5rem 6rem;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
  color: var(--text); background: var(--page);
  display: grid; grid-template-columns: 15rem minmax(0, 1fr); gap: 0 3rem;
}
header { grid-column: 1 / -1; border-bottom: 1px solid var(--line); margin-bottom: 2rem }
h1 { font-size: 1.9rem; margin: 0 }
header p { color: var(--soft); margin: .3rem 0 1.4rem }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow: auto; padding: 1rem 0; font-size: .88rem }
nav ul { list-style: none; margin: .2rem 0 1rem; padding: 0 }
nav li { margin: .15rem 0 }
nav strong { color: var(--soft); font-weight: 600 }
a { color: inherit; text-decoration-color: var(--line); text-underline-offset: .2em }
a:hover, a:focus-visible { color: var(--mark); text-decoration-color: currentColor }
h2 { font-size: 1.35rem; margin: 3rem 0 .5rem }
h2:first-child { margin-top: .6rem }
article { padding: 1.2rem 0 1.8rem; border-top: 1px solid var(--line) }
h3 { font-size: 1.05rem; margin: 0 0 .2rem }
h4 { font-size: .85rem; margin: 1.2rem 0 .2rem; color: var(--soft) }
p { margin: .4rem 0 }
code, pre { font: .86em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace }
code { background: var(--code); border-radius: 3px; padding: .1em .3em; overflow-wrap: anywhere }
pre { background: var(--code); border-radius: 6px; padding: .8rem 1rem; overflow-x: auto; margin: .8rem 0 0 }
pre code { background: none; padding: 0; overflow-wrap: normal }
.method { color: var(--mark); font-weight: 600 }
.soft { color: var(--soft) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; vertical-align: top; padding: .4rem 1rem .4rem 0; border-bottom: 1px solid var(--line) }
td:first-child code { white-space: nowrap }
th { color: var(--soft); font-weight: 600; white-space: nowrap }
tr:target td, article:target h3 { color: var(--mark) }
summary { cursor: pointer; color: var(--soft); font-size: .85rem; margin-top: 1.2rem }
@media (max-width: 52rem) {
  body { display: block; padding: 1.2rem 1rem 4rem }
  nav { position: static; max-height: none }
}
@media print { nav { display: none } body { display: block } }
`
