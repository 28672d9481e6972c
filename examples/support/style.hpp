/// @file
/// The look of pages and reports, on screens of any width and on paper.
#pragma once

#include <string_view>

namespace example::html {

inline constexpr std::string_view style = R"css(
:root {
  --ink: #20252b; --soft: #5b6570; --rule: #d8dde3; --tint: #f4f6f8; --accent: #0072b2;
  --serif: Charter, "Bitstream Charter", "Iowan Old Style", "Palatino Linotype", Cambria,
    "Liberation Serif", Georgia, serif;
  --sans: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "Liberation Sans", Arial,
    "DejaVu Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace;
  color-scheme: light;
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: #fff; color: var(--ink); font: 1.125rem/1.6 var(--serif);
  overflow-x: clip; }
main { max-width: 45rem; margin: 0 auto; padding: 3.5rem 1.25rem 5rem; }
h1, h2, h3, h4 { font-family: var(--sans); line-height: 1.2; text-wrap: balance;
  letter-spacing: -0.012em; }
h1 { font-size: 2.35rem; font-weight: 700; margin: 0 0 0.9rem; }
h2 { font-size: 1.5rem; font-weight: 650; margin: 3.4rem 0 0.9rem; }
h3 { font-size: 1.13rem; font-weight: 650; margin: 2.2rem 0 0.6rem; }
h4 { font-size: 1rem; font-weight: 650; margin: 1.8rem 0 0.5rem; }
p, ul { margin: 0 0 1.05rem; text-wrap: pretty; }
ul { padding-left: 1.3rem; }
li { margin-bottom: 0.35rem; }
.lead { font-size: 1.28rem; line-height: 1.45; color: var(--soft); font-style: italic;
  margin: 0 0 2rem; text-wrap: balance; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 0.15em; }
code { font: 0.86em var(--mono); background: var(--tint); padding: 0.08em 0.3em;
  border-radius: 3px; overflow-wrap: anywhere; }
pre { font: 0.8rem/1.5 var(--mono); background: var(--tint); border-left: 3px solid var(--rule);
  padding: 0.9rem 1.1rem; margin: 1.5rem 0; overflow-x: auto; tab-size: 2; }
pre code { font: inherit; background: none; padding: 0; overflow-wrap: normal; }
.formula { text-align: center; font-style: italic; font-size: 1.12rem; margin: 1.4rem 0;
  overflow-x: auto; white-space: pre-wrap; }
.note { border-left: 3px solid var(--rule); color: var(--soft); padding-left: 1.1rem;
  margin: 1.6rem 0; font-size: 1.02rem; }
.conclusion { background: #eef5fa; border-left: 3px solid var(--accent);
  padding: 0.95rem 1.25rem; margin: 1.8rem 0; }
.conclusion::before { content: "Conclusion"; display: block; font: 650 0.78rem var(--sans);
  letter-spacing: 0.06em; text-transform: uppercase; color: var(--accent); margin-bottom: 0.3rem; }
.key { display: grid; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); gap: 0.4rem 1.6rem;
  margin: 2rem 0 2.2rem; padding: 0; }
.key div { border-top: 2px solid var(--accent); padding: 0.65rem 0 0.4rem; }
.key dt { font: 650 1.55rem/1.15 var(--sans); letter-spacing: -0.02em;
  font-variant-numeric: lining-nums; white-space: nowrap; }
.key dd { margin: 0.25rem 0 0; font: 0.875rem/1.4 var(--sans); color: var(--soft); }
figure { margin: 2rem 0; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption, caption { font: 0.875rem/1.5 var(--sans); color: var(--soft); text-align: left; }
figcaption { margin: 0.6rem auto 0; max-width: 42rem; }
.wide { width: min(66rem, 100vw - 2.5rem); position: relative; left: 50%;
  transform: translateX(-50%); }
.row { display: flex; flex-wrap: wrap; gap: 1.2rem 2rem; justify-content: center;
  align-items: flex-start; margin: 2rem 0; }
.row figure { flex: 1 1 19rem; margin: 0; }
.scroll { overflow-x: auto; -webkit-overflow-scrolling: touch; }
table { border-collapse: collapse; font: 0.9rem/1.45 var(--sans); min-width: 50%;
  font-variant-numeric: tabular-nums lining-nums; }
.table { margin: 1.9rem 0; }
caption { caption-side: top; padding-bottom: 0.6rem; }
th, td { padding: 0.36rem 0.75rem; text-align: left; vertical-align: top; }
th:first-child, td:first-child { padding-left: 0.2rem; }
th { font-weight: 600; border-bottom: 1.5px solid var(--ink); vertical-align: bottom; }
td { border-bottom: 1px solid var(--rule); }
tr:last-child td { border-bottom: 1.5px solid var(--ink); }
.number { text-align: right; white-space: nowrap; }
tr.bold td { font-weight: 650; background: #eef5fa; }
footer { margin-top: 4rem; border-top: 1px solid var(--rule); padding-top: 1.2rem;
  font: 0.84rem/1.5 var(--sans); color: var(--soft); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1.2rem; margin: 0;
  font: 0.84rem/1.5 var(--sans); color: var(--soft); }
.facts dt { font-weight: 600; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
nav { font-family: var(--sans); border-top: 1px solid var(--rule);
  border-bottom: 1px solid var(--rule); padding: 1.3rem 0; margin: 2.2rem 0; }
nav ol { list-style: none; margin: 0; padding: 0; }
nav > ol > li { margin: 0 0 0.7rem; font-weight: 600; font-size: 1rem; }
nav ol ol { font-weight: 400; font-size: 0.9rem; columns: 2; column-gap: 2rem;
  padding: 0.15rem 0 0 2rem; }
nav ol ol li { margin: 0; line-height: 1.75; break-inside: avoid; }
nav a { text-decoration: none; color: var(--ink); }
nav > ol > li > a { display: block; padding-left: 2rem; text-indent: -2rem; }
nav a:hover { color: var(--accent); text-decoration: underline; }
.count { display: inline-block; min-width: 2rem; text-indent: 0; color: var(--accent);
  font-variant-numeric: tabular-nums; }
.chapter { margin-top: 5rem; border-top: 3px solid var(--ink); }
.chapter > h2 { font-size: 1.95rem; margin: 1.6rem 0 0.7rem; }
.chapter > h3 { font-size: 1.35rem; margin-top: 2.8rem; }
.question { font: 0.95rem/1.45 var(--sans); color: var(--accent); margin: 1.1rem 0 -0.9rem; }
@media (max-width: 40rem) {
  body { font-size: 1.03rem; }
  main { padding-top: 2rem; }
  h1 { font-size: 1.8rem; }
  h2, .chapter > h3 { font-size: 1.28rem; margin-top: 2.6rem; }
  .chapter > h2 { font-size: 1.55rem; }
  .lead { font-size: 1.13rem; }
  .key { grid-template-columns: 1fr 1fr; }
  .key dt { font-size: 1.35rem; }
  .row figure { flex-basis: 100%; }
  .scroll img.large { max-width: none; }
  nav ol ol { columns: 1; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: 0.5rem; }
}
@media print {
  @page { size: A4; margin: 18mm 17mm 18mm; }
  body { font-size: 10.5pt; line-height: 1.45; overflow: visible; }
  main { max-width: none; padding: 0; }
  h1 { font-size: 22pt; } h2 { font-size: 15pt; } h3 { font-size: 12pt; }
  .chapter > h2 { font-size: 18pt; } .chapter > h3 { font-size: 13.5pt; }
  h1, h2, h3, h4, caption, .question { break-after: avoid; }
  figure, .key, .note, .conclusion, .formula, tr, pre { break-inside: avoid; }
  p { orphans: 3; widows: 3; }
  figure img { max-height: 215mm; width: auto; max-width: min(100%, 135mm); }
  figure img.large { max-width: 100%; }
  .wide { width: auto; left: 0; transform: none; }
  .row figure { flex-basis: 40%; }
  .scroll { overflow: visible; }
  thead { display: table-header-group; }
  table { font-size: 8.8pt; }
  th, td { padding: 0.22rem 0.5rem; }
  figcaption, caption, .key dd, footer, .facts { font-size: 8.8pt; }
  pre { white-space: pre-wrap; font-size: 8pt; }
  .chapter { break-before: page; margin-top: 0; }
  .table { break-inside: avoid; }
  nav { margin: 1.2rem 0; padding: 0.8rem 0; }
  nav > ol > li { margin-bottom: 0.3rem; }
  nav ol ol { columns: 3; font-size: 8.8pt; } nav ol ol li { line-height: 1.5; }
  a { color: inherit; text-decoration: none; }
  .key dt { font-size: 16pt; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
)css";

}  // namespace example::html
