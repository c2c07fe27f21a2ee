'use strict';

/**
 * Size of a picture after fitting it in a box without distorting it.
 * Pictures that are already small enough are never blown up.
 */
function contain(width, height, boxWidth, boxHeight) {
  const scale = Math.min(1, boxWidth / width, boxHeight / height);
  return {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
}

/** The part of a picture to keep so that it fills the box completely. */
function cover(width, height, boxWidth, boxHeight) {
  const wanted = boxWidth / boxHeight;
  if (width / height > wanted) {
    const keep = Math.round(height * wanted);
    return { x: Math.floor((width - keep) / 2), y: 0, width: keep, height };
  }
  const keep = Math.round(width / wanted);
  return { x: 0, y: Math.floor((height - keep) / 2), width, height: keep };
}

function srcset(url, width, steps = [320, 640, 1280, 1920]) {
  return steps
    .filter((step) => step <= width)
    .map((step) => `${url}?w=${step} ${step}w`)
    .join(', ');
}

module.exports = { contain, cover, srcset };
