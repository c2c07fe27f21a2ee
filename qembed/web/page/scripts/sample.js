/* A picture to search by: chosen, pasted or dropped. It goes to this server alone, and is kept by this page alone. */
const SAMPLES_KEPT = 5, SIDE_SENT = 1024, SIDE_SHOWN = 128;
/* number -> {name, data: base64 of the picture, shown: small copy as a data URL, "" where the browser cannot open it}. */
const samples = new Map();
let taking = null;

const drawnAs = (bitmap, side) => {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height)), canvas = make("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const paint = canvas.getContext("2d");
  paint.imageSmoothingQuality = "high";
  paint.fillStyle = "#fff";
  paint.fillRect(0, 0, canvas.width, canvas.height);
  paint.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.92);
};

/* Search by a picture. One that is larger than the server takes is sent smaller. */
const takePicture = async file => {
  if (!choices) return;
  if (!choices.pictures) return tell("This index has no pictures");
  const mine = taking = {}, name = file.name || "picture", fits = file.size <= choices.picture_bytes;
  let bitmap = null, sent = "";
  try { bitmap = await createImageBitmap(file); } catch { /* a format of the server's, or no picture: it will tell */ }
  try {
    sent = fits ? await asDataUrl(file) : bitmap ? drawnAs(bitmap, SIDE_SENT) : "";
  } catch (e) {
    return tell(`Not read: ${e.message}`);
  }
  if (taking !== mine) return;
  if (!sent) return tell(`${shortened(name)}: too large, and in no format that this browser can make smaller`);
  const number = random();
  samples.set(number, {name, data: sent.slice(sent.indexOf(",") + 1), shown: bitmap ? drawnAs(bitmap, SIDE_SHOWN) : ""});
  bitmap?.close();
  if (samples.size > SAMPLES_KEPT) samples.delete(samples.keys().next().value);
  clearTimeout(typedTimer);
  commit();
  hideReader();
  go({q: "", like: null, picture: number, doc: null});
  $("box").value = "";
  $("box").focus();
  search();
};

const leavePicture = () => {
  go({picture: null});
  $("box").focus();
  search();
};

const drawSample = () => {
  const found = samples.get(state.picture), name = shortened(found?.name ?? "", 40);
  $("sample").hidden = !found;
  $("sample").replaceChildren(...(found ? [
    found.shown ? make("img", {src: found.shown, alt: name, title: name}) : make("bdi", null, shortened(name, 12)),
    make("button", {type: "button", "aria-label": `Remove the picture ${name}`, click: leavePicture}, "×"),
  ] : []));
  $("box").placeholder = found ? "Words instead of the picture" : "Words or a question";
};

/* The history may name a picture of this page as it was before it was loaded anew. */
const settlePicture = () => {
  if (state.picture === null || samples.has(state.picture)) return;
  go({picture: null}, {push: false, opened: history.state?.opened ?? false});
  tell("The picture of this search is not kept: choose it again");
};

const pictureIn = transfer => [...(transfer?.files ?? [])].find(f => f.type.startsWith("image/"));
const hasFiles = transfer => Boolean(transfer?.types.includes("Files"));

$("choose").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  $("file").value = "";
  if (file) takePicture(file);
});
document.addEventListener("paste", event => {
  const file = pictureIn(event.clipboardData);
  // a table or a page that is copied brings words, too: these are meant
  if (!file || event.clipboardData.types.includes("text/plain")) return;
  event.preventDefault();
  takePicture(file);
});
// without this a browser leaves the page for the file
document.addEventListener("dragover", event => {
  if (!hasFiles(event.dataTransfer)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = choices?.pictures ? "copy" : "none";
  document.body.classList.toggle("dropping", Boolean(choices?.pictures));
});
document.addEventListener("dragleave", event => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
document.addEventListener("drop", event => {
  document.body.classList.remove("dropping");
  if (!hasFiles(event.dataTransfer)) return;
  event.preventDefault();
  const file = pictureIn(event.dataTransfer);
  if (file) takePicture(file);
  else tell("That is no picture");
});
