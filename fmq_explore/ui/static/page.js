// Brings BokehJS to the page, and speaks for the page: theme, address bar, clipboard, keyboard.

/** Runs BokehJS once a page, from the text that came with the kernel; nothing is fetched. */
function loadBokeh(script) {
  const page = (globalThis.__fmq ??= {});
  page.bokeh ??= new Promise((resolve) => (page.resolveBokeh = resolve));
  if (page.bokehLoading) return;
  page.bokehLoading = true;
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const tag = document.createElement("script");
  tag.src = url;
  tag.onload = () => {
    URL.revokeObjectURL(url);
    page.resolveBokeh(globalThis.Bokeh);
  };
  document.head.append(tag);
}

const PING_MILLISECONDS = 3000;
const SILENCE_MILLISECONDS = 15000;

const inVoila = () => document.body.dataset.voila === "voila";

/** Writes the state into the address bar, so that a reload or a copied address restores it. */
function showAddress(query) {
  if (!inVoila()) return;
  const url = new URL(location.href);
  url.search = query;
  history.replaceState(null, "", url);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

/** Gives every control its tooltip, as soon as it is on the page. */
function explain(tooltips) {
  const waiting = Object.entries(tooltips).filter(([name, text]) => {
    const control = document.querySelector(`.${name}`);
    for (const part of [control, ...(control?.querySelectorAll("label, select, input, .noUi-handle") ?? [])])
      if (part && !part.title) part.title = text;
    return control === null;
  });
  if (waiting.length) setTimeout(() => explain(Object.fromEntries(waiting)), 200);
}

/** Opens a tutorial in JupyterLab: beside the folder of this notebook, else below the server's root. */
function openNotebook(event) {
  const name = event.target.closest?.("[data-notebook]")?.dataset.notebook;
  if (!name) return;
  event.preventDefault();
  const here = location.pathname.match(/^(.*\/tree\/(?:.*\/)?)apps\/[^/]*\.ipynb$/);
  const base = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}").baseUrl ?? "/";
  open(here ? `${here[1]}notebooks/${name}` : `${base}lab/tree/notebooks/${name}`, "_blank");
}

function root(el) {
  return el.closest(".fmq-root") ?? document.querySelector(".fmq-root");
}

function initialize({ model }) {
  loadBokeh(model.get("bokeh_script"));
}

function render({ model, el }) {
  el.classList.add("fmq-page");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const large = matchMedia("(min-width: 1700px) and (min-height: 950px)");

  const hello = () => model.send({ event: "hello", dark: dark.matches, large: inVoila() && large.matches });

  function paint() {
    const theme = model.get("theme");
    for (const target of [root(el), inVoila() ? document.documentElement : null])
      target?.setAttribute("data-fmq-theme", theme);
  }
  function onKey(event) {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
    const leaving = event.key === "Escape" && Boolean(event.target.closest?.(".fmq-opening"));
    if ((typing && !leaving) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!inVoila() && !root(el)?.contains(event.target)) return;
    if (event.key === "Escape") model.send({ event: "escape" });
    if (/^[0-8]$/.test(event.key)) model.send({ event: "bits", value: Number(event.key) });
  }
  function onMessage(message) {
    if (message.copy === "link") {
      const address = location.origin + location.pathname + (message.query ? `?${message.query}` : "");
      copy(inVoila() ? address : `${message.function}("${message.query}")`);
    } else if (message.copy === "text") copy(message.text);
    else if (message.pong) listen();
  }

  /** Asks the kernel whether it lives; a page that hears nothing says so, and says what to do. */
  let silence = null;
  const lost = document.createElement("div");
  lost.className = "fmq-lost";
  lost.setAttribute("role", "alert");
  lost.textContent = inVoila()
    ? "The kernel does not answer any more. Reload this page: its address restores exactly this view."
    : "The kernel does not answer any more. Restart it and run this cell again.";
  function listen() {
    lost.remove();
    clearTimeout(silence);
    silence = setTimeout(() => root(el)?.append(lost), SILENCE_MILLISECONDS);
  }
  const asking = setInterval(() => model.send({ event: "ping" }), PING_MILLISECONDS);
  listen();

  const address = () => showAddress(model.get("query"));

  model.on("change:theme", paint);
  model.on("change:query", address);
  model.on("msg:custom", onMessage);
  document.addEventListener("keydown", onKey, true); // fields of text keep their keys to themselves
  const onClick = (event) => root(el)?.contains(event.target) && openNotebook(event);
  document.addEventListener("click", onClick);
  requestAnimationFrame(paint);
  explain(model.get("tooltips"));
  large.addEventListener("change", hello);
  hello();
  return () => {
    model.off("change:theme", paint);
    model.off("change:query", address);
    model.off("msg:custom", onMessage);
    document.removeEventListener("keydown", onKey, true);
    document.removeEventListener("click", onClick);
    large.removeEventListener("change", hello);
    clearInterval(asking);
    clearTimeout(silence);
  };
}

export default { initialize, render };
