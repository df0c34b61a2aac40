// The style sheet of report.html. Its colours differ for eyes that see few of them, too, and stand
// out from their ground by 4.5 to 1 where they are text, and by 3 to 1 where they are drawn.
#pragma once

namespace ticketd::jepsen {

inline constexpr char kReportStyle[] = R"(
:root { color-scheme: light dark; --ground: #ffffff; --panel: #f5f6f8; --ink: #1b1f24;
  --soft: #57606a; --rule: #d0d7de; --ok: #1a6fb5; --failed: #a86400; --unknown: #c2185b;
  --process: #6f42c1; --network: #0b7a75; --machine: #b4530a; --good: #14713a; --bad: #b3141d; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --panel: #1d2127;
  --ink: #e8ebef; --soft: #a3adb8; --rule: #39414b; --ok: #5cb2f2; --failed: #f0b44c;
  --unknown: #ff7aa8; --process: #b99bf5; --network: #4fc7bf; --machine: #f39a5b;
  --good: #3fbf72; --bad: #ff7b78; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px; max-width: 1280px; background: var(--ground);
  color: var(--ink); font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
h1 { font-size: 22px; margin: 0 0 16px; } h2 { font-size: 17px; margin: 32px 0 8px; }
h3 { font-size: 15px; margin: 20px 0 6px; }
p { margin: 4px 0; } .soft { color: var(--soft); }
.verdict { border: 2px solid; border-radius: 8px; padding: 14px 18px; }
.verdict strong { font-size: 20px; } .verdict ul { margin: 6px 0 0; padding-left: 20px; }
.verdict.good { border-color: var(--good); } .verdict.good strong { color: var(--good); }
.verdict.bad { border-color: var(--bad); } .verdict.bad strong { color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(120px, 1fr)); gap: 12px;
  margin: 16px 0; }
.tiles div { background: var(--panel); border-radius: 8px; padding: 10px 14px; }
.tiles b { display: block; font-size: 18px; white-space: nowrap; }
.tiles span { color: var(--soft); font-size: 13px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--rule); text-align: left;
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; } .number { text-align: right; }
tr.slow td { color: var(--bad); font-weight: 600; }
.scroll { overflow-x: auto; }
code, pre { font: 13px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; background: var(--panel);
  border-radius: 6px; }
pre { padding: 10px 14px; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
code { padding: 2px 5px; overflow-wrap: anywhere; }
svg { width: 100%; height: auto; display: block; }
svg text { font-size: 12px; fill: var(--soft); } svg .small { font-size: 10px; }
svg .middle { text-anchor: middle; } svg .end { text-anchor: end; }
svg .label { fill: var(--ink); font-size: 11px; } svg .strong { font-weight: 700; }
.grid { stroke: var(--rule); stroke-width: 1; fill: none; opacity: .7; }
.ok { --colour: var(--ok); } .failed { --colour: var(--failed); }
.unknown { --colour: var(--unknown); } .process { --colour: var(--process); }
.network { --colour: var(--network); } .machine { --colour: var(--machine); }
.line { fill: none; stroke: var(--colour); stroke-width: 1.6; }
.points { fill: none; stroke: var(--colour); stroke-width: 3; stroke-linecap: round; }
.points.d0 { opacity: .45; } .points.d1 { opacity: .7; }
.points.failed, .points.unknown { opacity: 1; } .points.unknown { stroke-width: 5; }
.shade { fill: var(--colour); opacity: .16; } .bar { fill: var(--colour); }
.bar.other { opacity: .35; }
.bar.named { fill-opacity: .45; stroke: var(--bad); stroke-width: 2; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 13px; color: var(--soft); }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px;
  margin-right: 6px; vertical-align: -1px; background: var(--colour); }
summary { cursor: pointer; margin: 8px 0; }
)";

}  // namespace ticketd::jepsen
