// A button that takes a file and sends it to the kernel, one piece whenever the kernel asks for one.

const PIECE_BYTES = 2 ** 20;

function render({ model, el }) {
  el.classList.add("fmq-upload");
  const button = document.createElement("label");
  button.className = "fmq-upload-button";
  const text = document.createElement("span");
  text.textContent = model.get("label");
  const input = document.createElement("input");
  input.type = "file";
  input.accept = model.get("accept");
  button.append(text, input);
  el.append(button);

  let file = null;
  let turn = Date.now(); // larger than any of a page that was closed

  function choose() {
    [file] = input.files;
    input.value = ""; // the same file may be chosen again, after it was changed
    if (!file) return;
    turn += 1;
    text.textContent = `sending ${file.name} …`;
    model.send({ event: "begin", turn, name: file.name, size: file.size });
  }

  async function answer(message) {
    if (message.turn !== turn || !file) return;
    if (message.done) {
      file = null;
      text.textContent = model.get("label");
      return;
    }
    const end = Math.min(message.want + PIECE_BYTES, file.size);
    text.textContent = `sending ${file.name}: ${Math.floor((100 * end) / file.size)} %`;
    try {
      const piece = await file.slice(message.want, end).arrayBuffer();
      if (message.turn === turn) model.send({ event: "piece", turn }, undefined, [piece]);
    } catch {
      file = null;
      text.textContent = "The browser could not read the file: choose it again";
    }
  }

  input.addEventListener("change", choose);
  model.on("msg:custom", answer);
  return () => model.off("msg:custom", answer);
}

export default { render };
