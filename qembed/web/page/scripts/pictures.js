/* Pictures: thumbnails, fetched with the token that a plain img could not send, and kept as data. */
const PICTURES_KEPT = 400;
/* id of a document -> promise of its thumbnail as a data URL, "" where there is none. */
const thumbnails = new Map();

const thumbnailOf = id => {
  if (!thumbnails.has(id)) {
    thumbnails.set(id, fetchThumbnail(id).catch(() => {
      thumbnails.delete(id);
      return "";
    }));
    if (thumbnails.size > PICTURES_KEPT) thumbnails.delete(thumbnails.keys().next().value);
  }
  return thumbnails.get(id);
};

const fetchThumbnail = async id => {
  const headers = token ? {Authorization: `Bearer ${token}`} : {};
  const response = await fetch(`./thumbnails/${idInPath(id)}`, {headers, credentials: "omit", cache: "no-store", redirect: "error"});
  if (!response.ok || response.headers.get("Content-Type") !== "image/jpeg") throw new Error(String(response.status));
  return asDataUrl(await response.blob());
};

const asDataUrl = blob => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.addEventListener("load", () => resolve(reader.result));
  reader.addEventListener("error", () => reject(reader.error));
  reader.readAsDataURL(blob);
});

/* A picture with its caption; while it is fetched, and where it cannot be, the caption alone. */
const pictureOf = (id, caption) => {
  const shown = make("img", {alt: shortened(caption, 200), decoding: "async", hidden: true});
  thumbnailOf(id).then(data => {
    if (!data) return;
    shown.src = data;
    shown.hidden = false;
  });
  return make("div", {class: "picture"}, shown);
};
