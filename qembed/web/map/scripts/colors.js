/* Colours of points: of categories a fixed list, of numbers and dates a ramp; both fit light and dark. */
const HUES = [
  "#2f66d0", "#d9690f", "#1f8f55", "#c8374a", "#8457c8", "#94623a", "#c74a9e", "#5f7387", "#94900f", "#1596aa",
  "#7ea6f2", "#f0a762", "#74c797", "#ef9096", "#bda3e8", "#c7a178", "#e79ace", "#a3b3c2", "#c6c04a", "#72cbd8",
];
const RAMP = ["#4b3a8c", "#3a6296", "#2c8493", "#28a58a", "#5bc273", "#a9d94a"];

const rgbOf = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
const mixed = (a, b, share) => a.map((v, i) => Math.round(v + (b[i] - v) * share));
const cssOf = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
/* As a pixel has it on machines that store the lowest byte first: all that browsers run on. */
const pixelOf = ([r, g, b], alpha = 255) => ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;

const rampColor = share => {
  const at = Math.min(RAMP.length - 1.001, Math.max(0, share * (RAMP.length - 1))), low = Math.floor(at);
  return mixed(rgbOf(RAMP[low]), rgbOf(RAMP[low + 1]), at - low);
};

const themeValue = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rgbOfToken = name => {
  const text = themeValue(name);
  return rgbOf(text.length === 4 ? "#" + [...text.slice(1)].map(c => c + c).join("") : text);
};

/* byte -> [r, g, b] for the values of a colour, in the theme of now. */
const paletteOf = color => {
  const paper = rgbOfToken("--paper"), dark = paper[0] < 128, none = mixed(rgbOfToken("--ref"), paper, 0.55);
  const made = Array.from({length: 256}, (_, byte) =>
    color.kind === "category" ? mixed(rgbOf(HUES[byte % HUES.length]), [255, 255, 255], dark ? 0.18 : 0) : rampColor(byte / STEPS));
  made[NO_VALUE] = none;
  return made;
};
