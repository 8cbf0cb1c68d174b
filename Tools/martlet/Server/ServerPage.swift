/// The page at the server's root: drop a picture, ask, see the words come and where the time went.
enum ServerPage {
  static let assets: [String: HTTPAnswer] = [
    "/": .text(markup, type: "text/html; charset=utf-8"),
    "/page.css": .text(style, type: "text/css; charset=utf-8"),
    "/page.js": .text(script, type: "text/javascript; charset=utf-8"),
  ]

  /// On every response: the page may load nothing from elsewhere, and nobody may frame it.
  static let securityHeaders = [
    (
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
  ]

  private static let markup = """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Martlet</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="page.css">
    </head>
    <body>
    <main>
    <header><h1>Martlet</h1><p id="model"></p></header>
    <label id="drop" for="file" tabindex="0">
    <img id="preview" alt="" hidden>
    <span id="hint">Drop a picture here, paste one, or choose a file</span>
    <input id="file" type="file" accept="image/png,image/jpeg,image/webp">
    </label>
    <form id="form">
    <input id="question" autocomplete="off" aria-label="Question" placeholder="What is in this picture?">
    <button id="ask">Ask</button>
    </form>
    <p id="keyline" hidden><label>Key <input id="key" type="password" autocomplete="off"></label></p>
    <output id="answer" aria-live="polite"></output>
    <p id="error" role="alert"></p>
    <figure id="timing" hidden>
    <div id="bar" role="img" aria-label="Where the time went"></div>
    <figcaption id="legend"></figcaption>
    </figure>
    </main>
    <script src="page.js"></script>
    </body>
    </html>

    """

  private static let style = """
    :root { color-scheme: light dark; --ink: #1c2126; --soft: #5d6770; --line: #d5dade; --ground: #fbfbfa;
      --accent: #0b6e75; --warn: #a3261b; --a: #7aa6c2; --b: #0b6e75; --c: #d08c2f; --d: #8a6fae; }
    @media (prefers-color-scheme: dark) { :root { --ink: #e7eaec; --soft: #9aa5ad; --line: #39424a;
      --ground: #15191c; --accent: #4fb3ba; --warn: #ff8f82; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
    main { max-width: 44rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
    header { display: flex; align-items: baseline; gap: 1rem; }
    h1 { font-size: 1.3rem; margin: 0; }
    #model { color: var(--soft); margin: 0; overflow-wrap: anywhere; }
    #drop { display: grid; place-items: center; min-height: 14rem; margin: 1rem 0; border: 2px dashed var(--line);
      border-radius: .6rem; color: var(--soft); cursor: pointer; text-align: center; padding: .5rem; }
    #drop.over, #drop:focus-within, #drop:focus { border-color: var(--accent); outline: none; }
    #drop img { max-width: 100%; max-height: 24rem; border-radius: .3rem; }
    #file { position: absolute; opacity: 0; width: 1px; height: 1px; }
    form { display: flex; gap: .5rem; }
    input { font: inherit; color: inherit; background: transparent; border: 1px solid var(--line);
      border-radius: .4rem; padding: .5rem .7rem; }
    #question { flex: 1; min-width: 0; }
    button { font: inherit; border: 0; border-radius: .4rem; padding: .5rem 1.2rem; background: var(--accent);
      color: var(--ground); cursor: pointer; }
    button:disabled { opacity: .5; cursor: default; }
    #answer { display: block; white-space: pre-wrap; overflow-wrap: anywhere; margin-top: 1.2rem; font-size: 1.1rem; }
    #error { color: var(--warn); overflow-wrap: anywhere; }
    figure { margin: 1.5rem 0 0; }
    #bar { display: flex; height: .8rem; border-radius: .4rem; overflow: hidden; background: var(--line); }
    figcaption { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; color: var(--soft); font-size: .9rem; margin-top: .4rem; }
    figcaption i { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%; margin-right: .35rem; }
    .preprocess { background: var(--a); } .encode { background: var(--b); } .prefill { background: var(--c); }
    .decode { background: var(--d); }

    """

  private static let script = """
    "use strict";
    const get = (id) => document.getElementById(id);
    let picture = null;
    let running = null;

    function headers() {
      const key = get("key").value;
      return key ? { Authorization: "Bearer " + key } : {};
    }

    function show(message) { get("error").textContent = message; }

    function choose(file) {
      if (!file) return;
      if (!file.type.startsWith("image/")) { show("This is not a picture: " + file.name); return; }
      show("");
      const reader = new FileReader();
      reader.onload = () => {
        picture = reader.result;
        const preview = get("preview");
        if (preview.src) URL.revokeObjectURL(preview.src);
        preview.src = URL.createObjectURL(file);
        preview.alt = file.name;
        preview.hidden = false;
        get("hint").hidden = true;
        get("question").focus();
      };
      reader.onerror = () => show("The file cannot be read.");
      reader.readAsDataURL(file);
    }

    get("file").addEventListener("change", (event) => choose(event.target.files[0]));
    for (const name of ["dragover", "dragleave", "drop"]) {
      get("drop").addEventListener(name, (event) => {
        event.preventDefault();
        get("drop").classList.toggle("over", name === "dragover");
        if (name === "drop") choose(event.dataTransfer.files[0]);
      });
    }
    document.addEventListener("paste", (event) => {
      for (const item of event.clipboardData.items) {
        if (item.kind === "file") { choose(item.getAsFile()); return; }
      }
    });

    function timing(timings) {
      const stages = ["preprocess", "encode", "prefill", "decode"];
      const total = stages.reduce((sum, name) => sum + timings[name], 0) || 1;
      get("bar").replaceChildren();
      get("legend").replaceChildren();
      for (const name of stages) {
        const part = document.createElement("span");
        part.className = name;
        part.style.flex = (timings[name] / total) + " 0 0";
        get("bar").append(part);
        const label = document.createElement("span");
        const dot = document.createElement("i");
        dot.className = name;
        label.append(dot, name + " " + timings[name].toFixed(0) + " ms");
        get("legend").append(label);
      }
      const first = document.createElement("strong");
      first.textContent = "first word after " + timings.first_token.toFixed(0) + " ms";
      get("legend").append(first);
      get("timing").hidden = false;
    }

    async function ask() {
      const question = get("question").value.trim() || get("question").placeholder;
      const content = [{ type: "text", text: question }];
      if (picture) content.unshift({ type: "image_url", image_url: { url: picture } });
      show("");
      get("answer").textContent = "";
      get("timing").hidden = true;
      running = new AbortController();
      get("ask").textContent = "Stop";
      try {
        const response = await fetch("v1/chat/completions", {
          method: "POST", signal: running.signal,
          headers: { "Content-Type": "application/json", ...headers() },
          body: JSON.stringify({ messages: [{ role: "user", content }], stream: true }),
        });
        if (response.status === 401) get("keyline").hidden = false;
        if (!response.ok) throw new Error((await response.json()).error.message);
        await follow(response.body.pipeThrough(new TextDecoderStream()).getReader());
      } catch (error) {
        if (error.name !== "AbortError") show(error.message);
      } finally {
        running = null;
        get("ask").textContent = "Ask";
      }
    }

    async function follow(reader) {
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        rest += value;
        const events = rest.split("\\n\\n");
        rest = events.pop();
        for (const event of events) {
          const data = event.replace(/^data: /, "");
          if (data === "[DONE]") return;
          const chunk = JSON.parse(data);
          if (chunk.error) throw new Error(chunk.error.message);
          for (const choice of chunk.choices) get("answer").textContent += choice.delta.content ?? "";
          if (chunk.timings_ms) timing(chunk.timings_ms);
        }
      }
      throw new Error("The server broke off.");
    }

    get("form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (running) running.abort(); else ask();
    });

    async function model() {
      const response = await fetch("v1/models", { headers: headers() });
      if (response.status === 401) { get("keyline").hidden = false; return; }
      get("model").textContent = (await response.json()).data[0].id;
    }
    get("key").addEventListener("change", model);
    model().catch((error) => show(error.message));

    """
}
