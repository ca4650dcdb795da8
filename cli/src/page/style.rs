//! How the page looks: on a desk, on a phone, in the dark, on paper.

/// The style sheet. Text has at least 4.5:1 against what is below it in both schemes; nothing is told by colour alone.
pub(super) const STYLE: &str = "
:root{color-scheme:light dark;--paper:#fff;--raised:#f5f7f9;--ink:#1b2127;--muted:#525d68;--line:#d3dae1;\
--rule:#8b97a3;--cell:#e6ecf2;--series:#0a58a6;--series-wash:#c3dcf6;--map:#a34400;--warn:#9a2a00;--link:#0a58a6}
@media(prefers-color-scheme:dark){:root{--paper:#14181d;--raised:#1b2127;--ink:#e6eaee;--muted:#a5b0bb;--line:#343d47;\
--rule:#71808f;--cell:#242d36;--series:#86beff;--series-wash:#1f4166;--map:#ffb37a;--warn:#ffb08f;--link:#86beff}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,'Segoe UI',Roboto,\
'Helvetica Neue',Arial,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
header,main,footer{max-width:70rem;margin:0 auto;padding:0 1rem}
header{padding-top:2.5rem}
p,ul,dl{margin:0 0 .9rem}
p,.prose{max-width:44rem}
h1,h2,h3{line-height:1.25;font-weight:650;margin:0}
h1{font-size:1.9rem;letter-spacing:-.012em;margin-bottom:.5rem;max-width:52rem}
h2{font-size:1.35rem;margin-bottom:.4rem}
h3{font-size:1.05rem;margin:1.9rem 0 .5rem}
section{margin-top:2.6rem;padding-top:1.6rem;border-top:1px solid var(--line)}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
code{font:.92em ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace;unicode-bidi:isolate}
small,.small{font-size:.84rem;color:var(--muted)}
.eyebrow{font-size:.84rem;color:var(--muted);margin-bottom:.35rem}
.lead{font-size:1.12rem;margin-top:1rem}
.facts{display:grid;grid-template-columns:minmax(8rem,11rem) 1fr;gap:.55rem 1.2rem;margin:1.2rem 0 0;max-width:60rem}
.facts dt{color:var(--muted)}
.facts dd{margin:0}
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.3rem 1.3rem;margin:1.4rem 0 0}
nav ul{max-width:none}
.scroll{overflow-x:auto;max-width:100%;margin:0 0 1rem}
table{border-collapse:collapse;font-size:.9rem;line-height:1.4;overflow-wrap:normal}
td code,th code{overflow-wrap:break-word}
.compare code{overflow-wrap:anywhere}
caption{text-align:left;color:var(--muted);font-size:.84rem;padding-bottom:.5rem}
th,td{padding:.38rem .9rem .38rem 0;text-align:left;vertical-align:top;font-weight:400;\
border-bottom:1px solid var(--line)}
thead th{font-weight:600;vertical-align:bottom;border-bottom:1px solid var(--rule)}
th.n,td.n{text-align:right;white-space:nowrap}
td.n small{display:block}
.compare{table-layout:fixed;width:max(100%,calc(9rem + var(--columns)*8.4rem))}
.compare td.n{white-space:normal;overflow-wrap:anywhere}
.compare col:first-child{width:10.5rem}
.compare th[scope=row],.compare thead td{position:sticky;left:0;background:var(--paper);z-index:1}
.compare th[scope=rowgroup]{padding-top:1.15rem;font-weight:600;border-bottom-color:var(--rule)}
.compare th[scope=rowgroup] small{font-weight:400;margin-left:.4em}
.compare caption span,.compare th[scope=rowgroup] span{position:sticky;left:0;display:inline-block;\
max-width:min(66rem,100vw - 2.2rem)}
.compare th[scope=col]{text-align:right}
.compare th[scope=col] small{display:block;font-weight:400}
.compare .plan{background:var(--raised)}
.compare td,.compare th[scope=col]{padding:.38rem .7rem}
.compare th[scope=row] small{display:block}
td b{font-weight:700;text-decoration:underline;text-decoration-color:var(--rule);text-underline-offset:.22em}
.number{display:inline-block;min-width:1.5em;padding:0 .3em;border:1px solid var(--rule);border-radius:.8em;\
text-align:center;font-size:.84rem;line-height:1.4;font-weight:600}
.number.own{border-radius:.15em}
.why{border-left:3px solid var(--rule);padding-left:.9rem}
.warnings{list-style:none;padding:0;max-width:52rem}
.warnings li{padding:.15rem 0 .15rem 1.6rem;text-indent:-1.6rem}
.warnings b{color:var(--warn)}
.warnings .sign{display:inline-block;width:1.6rem;text-indent:0;color:var(--warn)}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.5rem;list-style:none;padding:0;font-size:.9rem;max-width:none}
.legend svg{vertical-align:-.15em;margin-right:.5em}
.grids{display:grid;grid-template-columns:repeat(auto-fill,minmax(12.65rem,1fr));\
gap:1.6rem 1.1rem;margin:.9rem 0 1.2rem}
figure{margin:0;break-inside:avoid}
figcaption{font-size:.9rem;line-height:1.4}
figcaption small{display:block}
.grids figcaption{margin-bottom:.5rem}
figure p{margin:.4rem 0 0}
svg{display:block;max-width:none}
.legend svg{display:inline-block}
svg text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace;fill:var(--ink)}
.trade{display:grid;grid-template-columns:minmax(0,29rem) minmax(0,1fr);gap:1rem 2.2rem;align-items:center}
.trade svg{width:100%;min-width:352px;max-width:29rem;height:auto}
.trade svg text{font:14px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}
.trade svg text.halo{font-weight:650;paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.key{list-style:none;padding:0;font-size:.9rem;margin:0}
.key li{padding:.22rem 0 .22rem 2.4rem;position:relative}
.key .number{position:absolute;left:0;top:.25rem}
.cell{fill:var(--cell)}.border{stroke:var(--ink);stroke-opacity:.75;stroke-width:1;fill:none}\
.thin{stroke-width:.5}.axis{stroke:var(--rule);fill:none}.edge{stroke:var(--ink);stroke-width:1.2;fill:none}\
.wash{fill:var(--series-wash)}.map-ring{fill:none;stroke:var(--map);stroke-width:2;stroke-dasharray:4 2}\
.ring{fill:none;stroke:var(--series);stroke-width:2}\
.series-ink{fill:var(--series)}.map-ink{fill:var(--map)}.part-ink{fill:var(--ink)}
.light{stroke:var(--line);stroke-width:1;fill:none}.front{stroke:var(--rule);stroke-width:1.6;fill:none}\
.dot{fill:var(--rule)}.mark{fill:var(--series);stroke:var(--paper);stroke-width:1.5}.mark.own{fill:var(--map)}\
.leader{stroke:var(--rule);stroke-width:1}
details{margin:0 0 .9rem}summary{cursor:pointer;color:var(--link)}
footer{margin-top:2.6rem;padding-top:1rem;padding-bottom:3rem;color:var(--muted);font-size:.9rem}
@media(max-width:48rem){h1{font-size:1.5rem}header{padding-top:1.4rem}.facts{grid-template-columns:1fr;gap:.1rem}\
.facts dd{margin-bottom:.7rem}.trade{grid-template-columns:minmax(0,1fr)}.compare col:first-child{width:7.4rem}\
.compare{width:calc(7.4rem + var(--columns)*7.6rem)}}
@media print{:root{--paper:#fff;--raised:#fff;--ink:#000;--muted:#444}.scroll{overflow:visible}nav{display:none}\
section{break-inside:auto}h2,h3{break-after:avoid}table{font-size:.75rem}}
";

/// Patterns that the drawings share: dots for a map, level lines for a time series, slanted lines for what is padding.
pub(super) const PATTERNS: &str = "\
<svg width=\"0\" height=\"0\" aria-hidden=\"true\" style=\"position:absolute\"><defs>\
<pattern id=\"dots\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\">\
<circle cx=\"2\" cy=\"2\" r=\"1.2\" class=\"map-ink\"/></pattern>\
<pattern id=\"lines\" width=\"6\" height=\"5\" patternUnits=\"userSpaceOnUse\">\
<rect y=\"2\" width=\"6\" height=\"1.4\" class=\"series-ink\"/></pattern>\
<pattern id=\"slants\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
<rect width=\"1.4\" height=\"5\" class=\"part-ink\"/></pattern></defs></svg>\n";
