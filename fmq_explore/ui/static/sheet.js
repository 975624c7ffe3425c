// Paints a sheet of image tiles on a canvas, from raw bytes.

const GAP = 1;

function background(el) {
  return getComputedStyle(el).getPropertyValue("--fmq-sheet").trim() || "#888";
}

/** Copies the tiles of one message into RGBA pictures. */
function pictures({ shape }, bytes) {
  const [n, height, width, channels] = shape;
  return Array.from({ length: n }, (_, k) => {
    const picture = new ImageData(width, height);
    const pixels = new Uint32Array(picture.data.buffer); // little endian: alpha, blue, green, red
    const last = channels - 1;
    for (let p = 0, i = k * height * width * channels; p < width * height; p++, i += channels)
      pixels[p] = 0xff000000 | (bytes[i + last] << 16) | (bytes[i + (last >> 1)] << 8) | bytes[i];
    return picture;
  });
}

function render({ model, el }) {
  el.classList.add("fmq-sheet");
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  el.append(canvas);
  const native = document.createElement("canvas");
  let tiles = [];
  let fresh = 0;
  let version = 0;

  /** Draws all tiles in their own pixels, then enlarges by a whole number so that they stay crisp. */
  function paint() {
    if (!tiles.length) return;
    const columns = model.get("columns");
    const { width: w, height: h } = tiles[0];
    const rows = Math.ceil(tiles.length / columns);
    native.width = columns * (w + GAP) + GAP;
    native.height = rows * (h + GAP) + GAP;
    const ink = native.getContext("2d");
    ink.fillStyle = background(el);
    ink.fillRect(0, 0, native.width, native.height);
    tiles.forEach((tile, k) => {
      const x = GAP + (k % columns) * (w + GAP);
      const y = GAP + Math.floor(k / columns) * (h + GAP);
      ink.putImageData(tile, x, y);
      if (k < fresh) return;
      ink.globalAlpha = 0.72;
      ink.fillRect(x, y, w, h);
      ink.globalAlpha = 1;
    });
    const room = Math.max(el.clientWidth, 1) * devicePixelRatio;
    const scale = Math.max(1, Math.ceil(room / native.width));
    canvas.width = native.width * scale;
    canvas.height = native.height * scale;
    const out = canvas.getContext("2d");
    out.imageSmoothingEnabled = false;
    out.drawImage(native, 0, 0, canvas.width, canvas.height);
    canvas.setAttribute("aria-label", model.get("label"));
  }

  function onMessage(message, [view]) {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const next = pictures(message, bytes);
    const [, height, width] = message.shape;
    const alike = tiles.length > 0 && tiles[0].width === width && tiles[0].height === height;
    const stale = alike ? tiles : [];
    fresh = next.length;
    tiles = Array.from({ length: message.total }, (_, k) => next[k] ?? stale[k] ?? new ImageData(width, height));
    version = message.version;
    paint();
    requestAnimationFrame(() =>
      setTimeout(() => {
        el.dataset.version = String(version);
        el.dataset.fresh = String(fresh);
        el.dataset.painted = String(performance.timeOrigin + performance.now());
      }),
    );
  }

  const observer = new ResizeObserver(paint);
  observer.observe(el);
  const themes = new MutationObserver(paint);
  const root = el.closest(".fmq-root") ?? document.documentElement;
  themes.observe(root, { attributes: true, attributeFilter: ["data-fmq-theme"] });
  model.on("msg:custom", onMessage);
  model.on("change:columns", paint);
  model.send({ event: "ready" });
  return () => {
    model.off("msg:custom", onMessage);
    model.off("change:columns", paint);
    observer.disconnect();
    themes.disconnect();
  };
}

export default { render };
