// Shows one Bokeh document and applies binary column updates to its named sources.

/** A promise, shared by the whole page, that the page widget resolves once BokehJS is there. */
function bokeh() {
  const page = (globalThis.__fmq ??= {});
  page.bokeh ??= new Promise((resolve) => (page.resolveBokeh = resolve));
  return page.bokeh;
}

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  uint8: Uint8Array,
  uint32: Uint32Array,
  int32: Int32Array,
};

/** Turns one column's header and its bytes into what a Bokeh data source takes. */
function column(header, buffers) {
  if (header.values !== undefined) return header.values;
  const view = buffers[header.buffer];
  const bytes = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  return new ARRAYS[header.dtype](bytes);
}

/** Applies one message to a document: columns of sources, then properties of models. */
function apply(doc, message, buffers) {
  for (const [name, columns] of Object.entries(message.sources)) {
    const source = doc.get_model_by_name(name);
    if (source === null) continue;
    source.data = Object.fromEntries(
      Object.entries(columns).map(([key, header]) => [key, column(header, buffers)]),
    );
  }
  for (const [name, values] of Object.entries(message.props)) {
    doc.get_model_by_name(name)?.setv(values);
  }
}

async function render({ model, el }) {
  const Bokeh = await bokeh();
  let doc = null;
  el.classList.add("fmq-figure");

  async function show() {
    const item = model.get("document");
    if (item.doc === undefined) return; // not built yet
    const previous = doc;
    const holder = document.createElement("div");
    holder.className = "fmq-figure-holder";
    el.replaceChildren(holder);
    const views = await Bokeh.embed.embed_item(item, holder);
    previous?.clear();
    doc = [...views][0].model.document;
    for (const name of model.get("selectable")) {
      const source = doc.get_model_by_name(name);
      source.selected.properties.indices.change.connect(() => {
        if (source.selected.indices.length)
          model.send({ event: "select", source: name, indices: [...source.selected.indices] });
      });
    }
    model.send({ event: "ready" });
  }

  function onMessage(message, buffers) {
    if (doc === null) return;
    apply(doc, message, buffers);
    requestAnimationFrame(() =>
      setTimeout(() => {
        el.dataset.version = String(message.version);
        el.dataset.painted = String(performance.timeOrigin + performance.now());
      }),
    );
  }

  model.on("msg:custom", onMessage);
  model.on("change:document", show);
  await show();
  return () => {
    model.off("msg:custom", onMessage);
    model.off("change:document", show);
    doc?.clear();
  };
}

export default { render };
