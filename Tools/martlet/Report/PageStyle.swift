/// How the page looks: light and dark, wide and narrow, without any outside part.
enum PageStyle {
  static let css = """
    :root { color-scheme: light dark;
      --page: #f6f7f9; --card: #ffffff; --ink: #1b2128; --quiet: #5d6875; --line: #dfe3e8;
      --own: #d9622b; --past: #3f6fb5; --pack: #1f8a70; --good: #1a7f4b; --goodback: #e2f4ea;
      --bad: #b3261e; --badback: #fbe6e4; --part1: #3f6fb5; --part2: #8a63b8; --part3: #1f8a70; }
    @media (prefers-color-scheme: dark) { :root {
      --page: #12161b; --card: #1a2027; --ink: #e4e8ed; --quiet: #97a3b0; --line: #2e3741;
      --own: #f08a52; --past: #7fa8e6; --pack: #4cc2a2; --good: #6fd6a0; --goodback: #173526;
      --bad: #ff8f85; --badback: #43201e; --part1: #7fa8e6; --part2: #bd9be6; --part3: #4cc2a2; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--page); color: var(--ink);
      font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
    main { max-width: 66rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
    h1 { font-size: 1.6rem; line-height: 1.25; margin: .3rem 0 .4rem; overflow-wrap: anywhere; }
    h2 { font-size: 1.12rem; margin: 0 0 .3rem; }
    h3 { font-size: .95rem; margin: 1.1rem 0 .4rem; }
    p { margin: .2rem 0 .8rem; max-width: 46rem; }
    .quiet, figcaption, caption { color: var(--quiet); }
    .small { font-size: .85rem; }
    .badge { display: inline-block; padding: .1rem .7rem; border-radius: 99px; font-weight: 600;
      background: var(--goodback); color: var(--good); }
    .badge.failed { background: var(--badback); color: var(--bad); }
    section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
      padding: 1.1rem 1.25rem 1.2rem; margin: 1rem 0; }
    .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr));
      gap: .6rem; margin: 1rem 0; }
    .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
      padding: .7rem .9rem; }
    .card b { display: block; font-size: 1.3rem; font-weight: 600; line-height: 1.3;
      font-variant-numeric: tabular-nums; }
    .card span { color: var(--quiet); font-size: .82rem; display: block; }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
    th, td { text-align: left; padding: .34rem .7rem .34rem 0; border-bottom: 1px solid var(--line);
      vertical-align: top; }
    th { font-weight: 500; color: var(--quiet); font-size: .85rem; }
    td.n, th.n { text-align: right; white-space: nowrap; }
    tr:last-child > td { border-bottom: 0; }
    code { font: .84rem/1.4 ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace;
      overflow-wrap: anywhere; }
    bdi.answer { white-space: pre-wrap; overflow-wrap: anywhere; }
    mark { background: transparent; color: inherit; border-radius: 3px; padding: 0 .1em; }
    mark.lost { background: var(--badback); color: var(--bad); }
    mark.new { background: var(--goodback); color: var(--good); }
    .tag { font-size: .8rem; font-weight: 600; white-space: nowrap; }
    .tag.lost { color: var(--bad); } .tag.won { color: var(--good); }
    svg { display: block; max-width: 100%; height: auto; }
    svg.plot { min-width: 38rem; width: 100%; }
    svg.interval { max-width: none; }
    svg text { fill: var(--quiet); font-size: 11px; font-family: inherit; }
    svg .grid { stroke: var(--line); } svg .axis { stroke: var(--quiet); }
    svg .own { fill: var(--own); stroke: var(--own); } svg .past { fill: none; stroke: var(--past); }
    svg .bar { fill: var(--past); } svg .tail { fill: var(--own); }
    svg .p1 { fill: var(--part1); } svg .p2 { fill: var(--part2); } svg .p3 { fill: var(--part3); }
    svg .dot { fill: var(--ink); } svg .span { stroke: var(--ink); } svg .ink { fill: var(--ink); }
    .key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .2rem 0 .6rem; font-size: .85rem;
      color: var(--quiet); }
    .key i { display: inline-block; width: .8rem; height: .8rem; border-radius: 3px; margin-right: .4rem;
      vertical-align: -.08rem; }
    .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem; }
    figure { margin: 0; } figcaption { font-size: .82rem; margin-top: .35rem; overflow-wrap: anywhere; }
    .pair { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem; }
    .pair svg { border-radius: 6px; width: 100%; background: var(--line); }
    details > summary { cursor: pointer; color: var(--quiet); padding: .3rem 0; }
    dl { display: grid; grid-template-columns: minmax(8rem, auto) 1fr; gap: .25rem 1rem; margin: .4rem 0 0; }
    dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
    .packname { margin: 2.2rem 0 0; font-size: 1.25rem; overflow-wrap: anywhere; }
    @media (max-width: 40rem) { main { padding: 1.1rem .7rem 3rem; } section { padding: .9rem .8rem; }
      h1 { font-size: 1.3rem; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
      .cards { grid-template-columns: 1fr 1fr; }
      table.answers thead { display: none; }
      table.answers tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
      table.answers td { display: block; border: 0; padding: .1rem 0; }
      table.answers td::before { content: attr(data-label); display: block; color: var(--quiet);
        font-size: .78rem; } }
    @media print { section { break-inside: avoid; } }
    """
}
