"""The looks of a report's page: one style sheet, light and dark, for the screen and for paper.

Only constants. Statuses have a sign beside their colour, see `render.glyph`. Fonts are those of the
reader's system, because a page that fetches a font is not self-contained.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#5c6778;--faint:#8a94a3;
--line:#e3e7ec;--zebra:#fafbfc;--red:#b42318;--red-bg:#fef3f2;--red-line:#f5b5ae;--amber:#93600a;
--amber-bg:#fff8e8;--amber-line:#ecd49a;--green:#1a7a46;--green-bg:#ecf8f1;--blue:#1d5fd0;
--blue-bg:#eef4ff;--c1:#1d5fd0;--c2:#c2570c;--c3:#0f7f78;--c4:#8a3ffc}
@media(prefers-color-scheme:dark){:root{--bg:#0f1319;--card:#171c24;--ink:#e3e8ef;--soft:#9aa6b6;
--faint:#75808f;--line:#29313d;--zebra:#1a2029;--red:#ff8a80;--red-bg:#2c1817;--red-line:#6d2f2a;
--amber:#f0bf5a;--amber-bg:#2a2213;--amber-line:#5d4a1d;--green:#6ad199;--green-bg:#14281e;--blue:#7fb0ff;
--blue-bg:#172338;--c1:#7fb0ff;--c2:#ffa45c;--c3:#4fd1c5;--c4:#c4a1ff}}
*{box-sizing:border-box}
html{scroll-padding-top:16px}
body{margin:0;background:var(--bg);color:var(--ink);line-height:1.5;font-size:15px;
-webkit-text-size-adjust:100%;font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",
"Noto Sans KR","Noto Sans CJK KR","Apple SD Gothic Neo","Malgun Gothic",sans-serif}
.wide{max-width:1120px;margin:0 auto;padding:0 24px}
header.wide{padding-top:36px;padding-bottom:8px}
.kind{margin:0 0 2px;color:var(--soft);font-size:13px;font-weight:600;letter-spacing:.02em}
h1{margin:0;font-size:27px;line-height:1.25;font-weight:680;letter-spacing:-.012em;overflow-wrap:anywhere}
h1 .kind{display:block}h1 i{display:none}
.alarm{display:block;margin:18px 0 0;padding:12px 16px;border:1px solid var(--red-line);
border-left:4px solid var(--red);border-radius:8px;background:var(--red-bg);color:var(--red);
text-decoration:none;overflow-wrap:anywhere}
.alarm b{margin-right:8px}
nav{display:flex;flex-wrap:wrap;gap:6px;margin:18px 0 10px}
nav a{padding:3px 10px;border:1px solid var(--line);border-radius:99px;background:var(--card);
color:var(--soft);font-size:13px;text-decoration:none}
nav a:hover,nav a:focus-visible{color:var(--blue);border-color:var(--blue)}
nav a.bad{color:var(--red);border-color:var(--red-line)}
main{padding-bottom:56px}
section{margin:14px 0;padding:18px 20px 16px;border:1px solid var(--line);border-radius:10px;
background:var(--card)}
section.none{display:flex;gap:14px;align-items:baseline;padding:10px 20px}
section.none h2{margin:0;font-size:15px}
section.none p{margin:0}
h2{margin:0 0 12px;font-size:17px;font-weight:650}
h2 small{margin-left:6px;color:var(--faint);font-weight:450;font-size:13px}
h3{margin:20px 0 8px;font-size:13.5px;font-weight:600;color:var(--soft)}
h3:first-of-type{margin-top:0}
p,li,td,dd{unicode-bidi:isolate}
.line{margin:2px 0;overflow-wrap:anywhere}
.soft,.more{color:var(--soft)}
.more{margin:8px 0 0;font-size:13px}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:12px 24px;margin:0}
dt{color:var(--soft);font-size:12.5px}
dd{margin:1px 0 0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;margin:0 -20px;padding:0 20px}
.long{max-height:460px;overflow-y:auto}.long th{position:sticky;top:0;background:var(--card)}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th{padding:5px 14px 6px 0;border-bottom:1px solid var(--line);color:var(--soft);font-size:12.5px;
font-weight:550;text-align:left;white-space:nowrap}
td{padding:5px 14px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
tr:last-child td{border-bottom:0}
th:last-child,td:last-child{padding-right:0}
.num{padding-right:26px;text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.ref,pre,.title{font-family:ui-monospace,"SF Mono",SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",
"Noto Sans Mono CJK KR",monospace}
.ref{font-size:12px;color:var(--soft);line-height:1.7}
.none-cell{color:var(--faint)}
.pill{display:inline-block;padding:0 8px;border-radius:99px;font-size:12.5px;font-weight:550;
white-space:nowrap;background:var(--bg);color:var(--soft)}
.pill.failed,.pill.error,.pill.removed{background:var(--red-bg);color:var(--red)}
.pill.completed,.pill.added{background:var(--green-bg);color:var(--green)}
.pill.open,.pill.info,.pill.changed{background:var(--blue-bg);color:var(--blue)}
.pill.warning,.pill.cancelled,.pill.ambiguous{background:var(--amber-bg);color:var(--amber)}
.failure{margin:12px 0 0;padding:12px 16px 13px;border:1px solid var(--red-line);
border-left:4px solid var(--red);border-radius:8px}
.failure.warning{border-color:var(--amber-line);border-left-color:var(--amber)}
.failure .head{display:flex;flex-wrap:wrap;gap:4px 12px;align-items:baseline;margin:0;font-size:13px;
color:var(--soft)}
.failure .sign{color:var(--red);font-weight:600}
.failure.warning .sign{color:var(--amber)}
.failure .at{margin-left:auto;font-variant-numeric:tabular-nums}
.failure .title{margin:5px 0 0;color:var(--red);font-size:13.5px;font-weight:600;overflow-wrap:anywhere}
.failure.warning .title{color:var(--amber)}
.failure ul{margin:6px 0 0;padding-left:18px;font-size:13.5px}
pre{margin:10px 0 0;padding:10px 12px;border-radius:6px;background:var(--bg);font-size:12px;
line-height:1.55;overflow-x:auto}
details{margin:12px 0 0;font-size:13px;color:var(--soft)}
summary{cursor:pointer;width:max-content}
details ul{margin:6px 0 0;padding-left:18px;columns:2 380px}
details li{overflow-wrap:anywhere;break-inside:avoid}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(310px,1fr));gap:18px 24px;
margin:0 0 24px}
figure{margin:0;min-width:0}
figcaption{display:flex;flex-wrap:wrap;gap:0 8px;align-items:baseline;padding-left:2px;font-size:13px;
color:var(--soft)}
figcaption b{color:var(--ink);font-weight:600;overflow-wrap:anywhere}
figcaption .last{margin-left:auto;color:var(--ink);font-variant-numeric:tabular-nums}
.key{white-space:nowrap}
.key::before{content:"";display:inline-block;width:14px;height:3px;margin-right:5px;border-radius:2px;
vertical-align:middle;background:var(--c1)}
.key-2::before{background:var(--c2)}.key-3::before{background:var(--c3)}.key-4::before{background:var(--c4)}
.chart{display:block;width:100%;height:auto;margin-top:4px}
.chart .grid{stroke:var(--line)}.chart .axis{stroke:var(--faint)}
.chart .tick{fill:var(--soft);font-variant-numeric:tabular-nums}
.chart polyline{stroke-width:1.7;stroke-linejoin:round;stroke-linecap:round}.chart circle{stroke:none}
.line-1{stroke:var(--c1)}.line-2{stroke:var(--c2)}.line-3{stroke:var(--c3)}.line-4{stroke:var(--c4)}
.line-2{stroke-dasharray:5 3}.line-3{stroke-dasharray:2 3}.line-4{stroke-dasharray:8 3 2 3}
.band-1,.dot-1{fill:var(--c1)}.band-2,.dot-2{fill:var(--c2)}.band-3,.dot-3{fill:var(--c3)}.band-4,.dot-4{
fill:var(--c4)}
.chart .bad{stroke:var(--red);stroke-width:1.8}
@media(max-width:640px){.wide{padding:0 12px}section{padding:14px}.scroll{margin:0 -14px;padding:0 14px}}
@media print{body{background:#fff}nav,details{display:none}.long{max-height:none}
section,.failure,figure{break-inside:avoid}}
"""

HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
"""Of the style sheet, so that the page can allow this one and no other."""
